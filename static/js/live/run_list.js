// The list of runs is fetched anew every few seconds; what was marked for comparing stays marked.

let marked = new Set();

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "run-table") return;
  const boxes = event.detail.target.querySelectorAll('input[name="run"]:checked');
  marked = new Set([...boxes].map((box) => box.value));
});

document.addEventListener("htmx:afterSwap", () => {
  for (const box of document.querySelectorAll('#run-table input[name="run"]')) {
    if (marked.has(box.value)) box.checked = true;
  }
});
