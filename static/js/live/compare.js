// Survival curves of several runs over each other.

import { Chart } from "./chart.js";
import { fixed, listing } from "./words.js";

const BLOCK = 100;
const box = document.querySelector("[data-compare]");
const curves = JSON.parse(document.getElementById("compare-curves").textContent);

/** {block: mean survival} of every hundred episodes */
function blocks({ number, survival_steps: steps }) {
  const sums = new Map();
  number.forEach((episode, index) => {
    const block = Math.ceil(episode / BLOCK) * BLOCK;
    const [sum, size] = sums.get(block) ?? [0, 0];
    sums.set(block, [sum + steps[index], size + 1]);
  });
  return new Map([...sums].map(([block, [sum, size]]) => [block, sum / size]));
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
      const ends = rows.map((row, index) => `${curves[index].name} ${fixed(row.findLast((value) => value !== null) ?? NaN, 0)}`);
      return `Mean survival at the end: ${listing(ends)} steps.`;
    },
    yRange: (_, low, high) => [0, Math.max(1, high) * 1.05],
  });
  chart.setData([numbers, ...rows]);
}
