// The metrics of several runs over each other: one chart for each metric, fetched once, drawn when
// it comes into view.

import { Chart } from "./chart.js";
import { element } from "./elements.js";
import { short, title } from "./words.js";

const COLOURS = 6;
const NAMED_LINES = 12; // with more, a legend says nothing
const SPOKEN_LINES = 5;

const asked = JSON.parse(document.getElementById("compare-curves").textContent);
const charts = document.querySelector("[data-curve-charts]");
const state = document.querySelector("[data-curve-state]");
const controls = document.querySelector("[data-curve-controls]");

/** One line for each run: where there are many, seeds of one setting share a colour. */
function linesOfRuns() {
  if (asked.labels.length <= COLOURS)
    return asked.labels.map((label, run) => ({ label, members: [run], colour: run, dash: run }));
  const group = new Map(asked.groups.flatMap((members, g) => members.map((run) => [run, g])));
  const inGroup = new Map();
  let alone = asked.groups.length;
  return asked.labels.map((label, run) => {
    const colour = group.get(run) ?? alone++;
    const dash = inGroup.get(colour) ?? 0;
    inGroup.set(colour, dash + 1);
    return { label, members: [run], colour: colour % COLOURS, dash: dash % COLOURS };
  });
}

/** One line for each setting that several seeds tried, and one for each run besides. */
function linesOfGroups() {
  const grouped = new Set(asked.groups.flat());
  const groups = asked.groups.map((members) => ({
    label: `${asked.labels[members[0]]}: mean of ${members.length} seeds`,
    members,
  }));
  const rest = asked.labels.map((label, run) => ({ label, members: [run] }));
  const lines = [...groups, ...rest.filter((line) => !grouped.has(line.members[0]))];
  return lines.map((line, index) => ({
    ...line,
    colour: index % COLOURS,
    dash: Math.floor(index / COLOURS) % COLOURS,
  }));
}

/** The mean of what the members have at each place; null where none has anything. */
function values(line, series) {
  if (line.members.length === 1) return series[line.members[0]];
  return series[line.members[0]].map((_, place) => {
    const there = line.members.map((run) => series[run][place]).filter((value) => value !== null);
    return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : null;
  });
}

function describe(name, lines, rows) {
  const ends = lines
    .slice(0, SPOKEN_LINES)
    .map(({ label }, i) => `${label} ${short(rows[i].findLast((value) => value !== null) ?? NaN)}`);
  const more = lines.length > SPOKEN_LINES ? `, and ${lines.length - SPOKEN_LINES} more` : "";
  return `${title(name)} at the end: ${ends.join(", ")}${more}`;
}

function draw(box, name, curves, lines) {
  const rows = lines.map((line) => values(line, curves.series[name]));
  const chart = new Chart(box, {
    series: lines.map(({ label, colour, dash }) => ({
      label,
      colour,
      dash,
      width: lines.length > NAMED_LINES ? 1 : 2,
    })),
    height: 220,
    xLabel: title(asked.unit),
    describe: () => describe(name, lines, rows),
  });
  chart.setData([curves.at, ...rows]);
}

function show(curves) {
  const lines = document.getElementById("curve-lines").value === "groups" ? linesOfGroups() : linesOfRuns();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        draw(target, target.dataset.metric, curves, lines);
      }
    },
    { rootMargin: "300px" },
  );
  const boxes = Object.keys(curves.series).map((name) => {
    const box = element("div", { class: "compare-chart", "data-metric": name });
    if (lines.length > NAMED_LINES) box.classList.add("many-lines");
    watcher.observe(box);
    return element("section", {}, element("h3", {}, title(name)), box);
  });
  charts.replaceChildren(...boxes);
}

async function load() {
  state.textContent = "The curves are on their way.";
  const response = await fetch(asked.url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { curves } = await response.json();
  if (!Object.keys(curves.series).length) {
    state.textContent = "None of the runs has reported a metric yet.";
    return;
  }
  state.hidden = true;
  controls.hidden = false;
  show(curves);
  document.getElementById("curve-lines").addEventListener("change", () => show(curves));
}

if (charts && asked.url) {
  load().catch((error) => {
    state.textContent = `The curves did not arrive (${error.message}). Reload the page to try again.`;
  });
}
