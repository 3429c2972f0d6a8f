// Numbers as people read them.

const counts = new Intl.NumberFormat("en");

export function count(number) {
  return counts.format(number);
}

/** countOf(1, "step") -> "1 step", countOf(1200, "step") -> "1,200 steps" */
export function countOf(number, unit) {
  return `${count(number)} ${unit}${number === 1 ? "" : "s"}`;
}

export function fixed(number, digits = 2) {
  return Number.isFinite(number) ? number.toFixed(digits) : "–";
}

/** Three significant digits without a tail of zeros: 0.00123, 1.23, 12.3, 123, 1.23e6 */
export function short(number) {
  if (!Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return number.toExponential(2);
  return String(Number(number.toPrecision(size >= 1000 ? 4 : 3)));
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** How long ago or how long a thing takes: 0.4 s, 12 s, 3 min, 2 h, 5 days */
export function duration(seconds) {
  const size = Math.max(0, seconds);
  if (size < 10) return `${size.toFixed(1)} s`;
  if (size < 90) return `${Math.round(size)} s`;
  if (size < 90 * 60) return `${Math.round(size / 60)} min`;
  if (size < 36 * 3600) return `${Math.round(size / 3600)} h`;
  return `${Math.round(size / 86400)} days`;
}

export function milliseconds(value) {
  return Number.isFinite(value) ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : "–";
}

/** "LuxuryBed" -> "Luxury bed", "HOME_MEAL" -> "Home meal" */
export function title(name) {
  const spaced = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** ["a", "b", "c"] -> "a, b and c" */
export function listing(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
