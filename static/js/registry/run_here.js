// Runs a version in this page with ONNX Runtime Web, and asks the server the same.

const place = document.getElementById("run-here");
const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };
let session = null;
let ort = null;

async function load() {
  ort = await import(place.dataset.runtime);
  // Threads would need a page cut off from others; a small network is fast without.
  ort.env.wasm.numThreads = 1;
  const answer = await fetch(place.dataset.model);
  if (!answer.ok) throw new Error(`the model could not be loaded (${answer.status})`);
  session = await ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()));
}

function question(random) {
  return JSON.parse(place.dataset.tensors).map((tensor) => {
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () =>
      random && tensor.type === "float32" ? Math.fround(Math.random()) : tensor.fill,
    );
    return { ...tensor, values };
  });
}

function toTensor({ type, shape, values }) {
  const Kind = arrays[type];
  const data = Kind.from(values, type === "int64" ? BigInt : undefined);
  return new ort.Tensor(type, data, shape);
}

function nested(values, shape, type) {
  if (!shape.length) return type === "bool" ? Boolean(values[0]) : values[0];
  const size = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, index) =>
    nested(values.slice(index * size, (index + 1) * size), shape.slice(1), type),
  );
}

async function askServer(tensors) {
  const inputs = Object.fromEntries(
    tensors.map(({ name, values, shape, type }) => [name, nested(values, shape, type)]),
  );
  const answer = await fetch(place.dataset.predict, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
    },
    body: JSON.stringify({ model: place.dataset.name, version: place.dataset.version, inputs }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body.outputs;
}

function largestDifference(here, there) {
  let largest = 0;
  for (const [name, values] of Object.entries(here)) {
    // A graph cannot give an input and an output one name; the server can.
    const others = there[name.replace(/^next_/, "")].flat(Infinity).map(Number);
    values.forEach((value, index) => {
      const difference = Math.abs(value - others[index]) / Math.max(1, Math.abs(others[index]));
      largest = Math.max(largest, difference);
    });
  }
  return largest;
}

async function run(random) {
  const says = place.querySelector("[role=status]");
  const shown = place.querySelector("pre");
  says.textContent = session ? "Running…" : "Loading the model and ONNX Runtime Web…";
  try {
    if (!session) await load();
    const tensors = question(random);
    const feeds = Object.fromEntries(tensors.map((tensor) => [tensor.name, toTensor(tensor)]));
    const began = performance.now();
    const outputs = await session.run(feeds);
    const tookMs = performance.now() - began;
    const here = Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, Array.from(tensor.data, Number)]),
    );
    const lines = Object.entries(here).map(([name, values]) => `${name}: ${values.join(" ")}`);
    shown.textContent = lines.join("\n");
    shown.parentElement.hidden = false;
    says.textContent = `Answered in this page in ${tookMs.toFixed(1)} ms. Asking the server the same…`;
    const difference = largestDifference(here, await askServer(tensors));
    says.textContent =
      `Answered in this page in ${tookMs.toFixed(1)} ms. ` +
      `The server's answer differs by ${difference.toExponential(1)} (relative) at most.`;
  } catch (error) {
    says.textContent = `It did not run: ${error.message}`;
  }
}

if (place) {
  place.hidden = false;
  for (const button of place.querySelectorAll("button")) {
    button.addEventListener("click", () => run(button.dataset.fill === "random"));
  }
}
