// The page of one game: the board, and which of its moves are shown.

import { Board, ColumnBars } from "./board.js";
import { Game, NAMES } from "./rules.js";

const data = JSON.parse(document.getElementById("game-data").textContent);
const root = document.querySelector("[data-game]");
const scrubber = root.querySelector("[data-game-ply]");
const board = new Board(root.querySelector("[data-game-board]"));
const bars = new ColumnBars(root.querySelector("[data-game-bars]"));
const searched = data.visits.some(Boolean);

root.querySelector("[data-game-stage]").hidden = false;
root.querySelector("[data-game-bars]").hidden = !searched;

/** Show the board after so many moves, and what a search thought before the last of them. */
function show(ply) {
  const shown = Math.max(0, Math.min(data.moves.length, ply));
  scrubber.value = String(shown);
  board.show(new Game(data.moves.slice(0, shown)));
  bars.show(shares(data.visits[shown - 1]), data.moves[shown - 1] ?? -1);
  root.querySelector("[data-game-words]").textContent = words(shown);
  const on = root.querySelector("[data-game-play]");
  root.querySelector("[data-game-best]").textContent = bestWords(shown);
  const digits = data.moves.slice(0, shown).map((column) => column + 1).join("");
  if (on) on.href = `${on.dataset.gamePlay}?moves=${digits}`;
  for (const button of root.querySelectorAll("[data-game-seek]")) {
    button.toggleAttribute("aria-current", Number(button.dataset.gameSeek) === shown);
  }
}

function shares(visits) {
  const total = (visits ?? []).reduce((sum, count) => sum + count, 0);
  return total ? visits.map((count) => count / total) : [];
}

function words(shown) {
  if (!shown) return "The empty board";
  const value = data.values[shown - 1];
  const thought = value === undefined || value === null ? "" : `; its search expected ${value.toFixed(2)}`;
  return `Move ${shown}: ${NAMES[((shown - 1) % 2) + 1]} in column ${data.moves[shown - 1] + 1}${thought}`;
}

/** By ply, what the table of the analysis says of a move; empty while nobody has asked. */
function judged() {
  const rows = [...document.querySelectorAll("#analysis [data-judged]")];
  return new Map(rows.map(({ dataset }) => [Number(dataset.judged), dataset]));
}

function bestWords(shown) {
  const next = judged().get(shown);
  if (!next) return "";
  const better = next.mistake ? ` Played was ${data.moves[shown] + 1}: ${next.mistake}.` : "";
  return `Here perfect play takes column ${next.best}.${better}`;
}

/** Marks on the moves and on the scrubber where a mistake was made. */
function mark() {
  const moves = judged();
  for (const button of root.querySelectorAll(".c4-moves [data-game-seek]")) {
    const ply = Number(button.dataset.gameSeek) - 1;
    const { mistake, losing } = moves.get(ply) ?? {};
    button.dataset.mistake = losing ? "losing" : mistake ? "some" : "";
    const colour = NAMES[(ply % 2) + 1];
    const said = mistake ? `: ${losing ? "the losing move, " : ""}${mistake}` : "";
    button.setAttribute("aria-label", `Move ${ply + 1}: ${colour} in column ${data.moves[ply] + 1}${said}`);
  }
  const losing = [...moves].find(([, { losing }]) => losing)?.[0];
  const tick = root.querySelector("[data-game-tick]");
  tick.hidden = losing === undefined;
  if (losing !== undefined) tick.style.setProperty("--share", (losing + 1) / data.moves.length);
}

const now = () => Number(scrubber.value);
scrubber.addEventListener("input", () => show(now()));
// Delegated, since htmx puts a new table of the analysis in place of the old one.
document.addEventListener("click", (event) => {
  const { gameSeek, gameStep } = event.target.closest("button")?.dataset ?? {};
  if (gameSeek) show(Number(gameSeek));
  if (gameStep) show(now() + Number(gameStep));
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea") || event.altKey || event.ctrlKey || event.metaKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  show(now() + step);
});
// The analysis grows while it is under way.
document.addEventListener("htmx:afterSettle", () => {
  mark();
  show(now());
});
mark();
show(data.moves.length);
