// Survival curves of several runs over each other.

import { Chart } from "./chart.js";
import { fixed, listing } from "./words.js";

const box = document.querySelector("[data-compare]");
const curves = JSON.parse(document.getElementById("compare-curves").textContent);
const longest = Math.max(1, ...curves.flatMap((curve) => curve.number.slice(-1)));
const block = [1, 5, 10, 20, 50].find((size) => longest / size <= 60) ?? 100;

/** {last episode of a block: its mean survival} */
function blocks({ number, survival_steps: steps }) {
  const found = new Map();
  let [sum, size] = [0, 0];
  number.forEach((episode, index) => {
    sum += steps[index];
    size += 1;
    const next = number[index + 1];
    if (next !== undefined && Math.ceil(next / block) === Math.ceil(episode / block)) return;
    found.set(episode, sum / size);
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
          `${curves[index].name} ${fixed(row.findLast((value) => value !== null) ?? NaN, 0)}`,
      );
      return `Mean survival at the end: ${listing(ends)} steps.`;
    },
    yRange: (_, low, high) => [0, Math.max(1, high) * 1.05],
  });
  chart.setData([numbers, ...rows]);
  document.querySelector("[data-block]").textContent = `Mean of every ${block} episodes`;
}
