// The scores of several runs over each other.

import { Chart } from "./chart.js";
import { listing, short } from "./words.js";

const box = document.querySelector("[data-compare]");
const curves = JSON.parse(document.getElementById("compare-curves").textContent);
const measure = JSON.parse(document.getElementById("compare-measure").textContent);
const longest = Math.max(1, ...curves.flatMap((curve) => curve.number.slice(-1)));
const block = [1, 5, 10, 20, 50].find((size) => longest / size <= 60) ?? 100;

/** {last episode of a block: its mean score} */
function blocks({ number, value }) {
  const found = new Map();
  let [sum, size] = [0, 0];
  number.forEach((episode, index) => {
    // A number that was not finite came as null: a gap.
    if (value[index] !== null) [sum, size] = [sum + value[index], size + 1];
    const next = number[index + 1];
    if (next !== undefined && Math.ceil(next / block) === Math.ceil(episode / block)) return;
    if (size) found.set(episode, sum / size);
    [sum, size] = [0, 0];
  });
  return found;
}

if (box && curves.length) {
  const lines = curves.map(blocks);
  const numbers = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  const rows = lines.map((line) => numbers.map((number) => line.get(number) ?? null));
  const chart = new Chart(box, {
    series: curves.map((curve, index) => ({ label: curve.name, dash: index })),
    height: 320,
    xLabel: "Episode",
    describe: () => {
      const ends = rows.map(
        (row, index) =>
          `${curves[index].name} ${short(row.findLast((value) => value !== null) ?? NaN)}`,
      );
      return `Mean ${measure.title.toLowerCase()} at the end: ${listing(ends)} ${measure.unit}`.trim();
    },
    yRange: (_, low, high) => [Math.min(0, low) * 1.05, Math.max(1, high) * 1.05],
  });
  chart.setData([numbers, ...rows]);
  document.querySelector("[data-block]").textContent = `Mean of every ${block} episodes`;
}
