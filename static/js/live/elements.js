// Builds and fills page elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** element("li", {class: "x", hidden: true}, "text", child) -> HTMLElement */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a drawing: svg("path", {d: "M0 0h9"}) */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets the text only if it differs, so that a running player does not make the page work. */
export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

/** The colour that a custom property of the page stands for now, ready for a canvas. */
export function colour(name, scope = document.documentElement) {
  return colours([name], scope)[name];
}

export function colours(names, scope = document.documentElement) {
  const probe = document.createElement("i");
  probe.hidden = true;
  scope.append(probe);
  const found = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

/** Makes a canvas crisp on its screen; returns a context that draws in CSS pixels. */
export function crispContext(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
    if (canvas.style) {
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
