// A click on the line of a fault shows that line in the text.

const text = document.getElementById("id_yaml_text");

function select(line) {
  const lines = text.value.split("\n");
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
  // Wrapping is off, so every line is as high as the others.
  text.scrollTop = ((line - 1) / lines.length) * text.scrollHeight - text.clientHeight / 3;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link || !text) return;
  event.preventDefault();
  select(Number(link.dataset.line));
});
