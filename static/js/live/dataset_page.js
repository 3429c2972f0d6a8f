// The page of one dataset: its statistics as charts.

import { Chart } from "./chart.js";
import { count } from "./words.js";

const charts = JSON.parse(document.getElementById("dataset-charts").textContent);

/** Draw what the page has a box for; htmx may bring the boxes later, with the next look. */
function draw() {
  const box = document.querySelector('[data-dataset-chart="by_ply"]');
  if (!box || box.childElementCount || !charts.by_ply.length) return;
  const chart = new Chart(box, {
    series: [{ label: "Examples", colour: 0 }],
    height: 200,
    xLabel: "Ply",
    describe: ([plies, examples]) => {
      const most = Math.max(...examples);
      return `Most examples, ${count(most)}, are of ply ${plies[examples.indexOf(most)]}.`;
    },
    yRange: (_, low, high) => [0, Math.max(1, high * 1.1)],
  });
  chart.setData([charts.by_ply.map((_, ply) => ply), charts.by_ply]);
}

// A dataset that became ready while somebody watched has its numbers on the whole page alone.
document.addEventListener("htmx:afterSettle", () => {
  if (!charts.by_ply.length && document.querySelector("[data-dataset-chart]")) location.reload();
});
draw();
