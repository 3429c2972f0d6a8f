// The page on which a person plays. The game lives here: its moves are kept in the address, so
// that a page that is loaded again, or sent to a friend, goes on where it was.

import { element, setText } from "../live/elements.js";
import { count, milliseconds } from "../live/words.js";
import { Board, ColumnBars, describe } from "./board.js";
import { COLUMNS, Game, NAMES } from "./rules.js";
import { Replaced, SocketThinker, WorkerThinker } from "./thinkers.js";
import { ValueLine } from "./values.js";

const FRIEND = "friend";
const TIME_LIMIT_MS = 5000;

class PlayPage {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-play-part="${name}"]`);
    this.choices = JSON.parse(document.getElementById("play-choices").textContent);
    this.board = new Board(this.part("board"));
    this.bars = new ColumnBars(this.part("bars"));
    this.values = new ValueLine(this.part("values"), () => {});
    this.drops = [...root.querySelectorAll("[data-column]")];
    this.form = this.part("form");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.server = new SocketThinker(`${scheme}://${location.host}${root.dataset.socket}`);
    this.thoughts = []; // by ply; null where a person moved
    this.game = new Game([...root.dataset.moves].map((digit) => Number(digit) - 1));
    this.thoughts = this.game.moves.map(() => null);
    this.#listen();
    this.#settings();
    this.#show();
    this.#next();
    root.dataset.ready = "true";
    window.hamletPlay = this;
  }

  #listen() {
    for (const drop of this.drops) {
      drop.addEventListener("click", () => this.play(Number(drop.dataset.column)));
    }
    this.part("board").addEventListener("click", (event) => this.#clicked(event));
    this.part("new").addEventListener("click", () => this.begin());
    this.part("undo").addEventListener("click", () => this.takeBack());
    this.part("hint").addEventListener("click", () => this.#think());
    this.part("overlay").addEventListener("change", () => this.#show());
    this.form.addEventListener("change", () => {
      this.#settings();
      this.#next();
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    this.part("save").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  #clicked(event) {
    const { left, width } = this.board.drawing.getBoundingClientRect();
    this.play(Math.floor(((event.clientX - left) / width) * COLUMNS));
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("select, textarea, input:not([type=radio], [type=checkbox])")) return;
    if (/^[1-7]$/.test(event.key)) this.play(Number(event.key) - 1);
    else if (event.key.toLowerCase() === "o") this.part("overlay").click();
  }

  #settings() {
    const values = new FormData(this.form);
    this.opponent = values.get("opponent");
    this.you = this.opponent === FRIEND ? 0 : Number(values.get("you"));
    this.choice = this.choices[this.opponent] ?? null;
    this.simulations = Number(values.get("simulations"));
    this.care = Number(values.get("care"));
    const inBrowser = this.form.querySelector('[value="browser"]');
    inBrowser.disabled = !this.choice?.url;
    if (inBrowser.disabled && inBrowser.checked) {
      this.form.querySelector('[value="server"]').checked = true;
    }
    this.place = inBrowser.checked ? "browser" : "server";
    this.part("place").hidden = !this.choice;
    this.part("strength").hidden = !this.choice;
    this.part("hint").disabled = this.opponent === FRIEND;
  }

  begin(moves = []) {
    this.game = new Game(moves);
    this.thoughts = moves.map(() => null);
    this.#stop();
    this.#show();
    this.#next();
  }

  /** Back to the person's own last choice. */
  takeBack() {
    this.#stop();
    const moves = this.game.moves.slice(0, -1);
    while (moves.length && this.you && new Game(moves).player !== this.you) moves.pop();
    this.begin(moves);
  }

  /** A move of a person; nothing happens where it is not a person's turn. */
  play(column) {
    if (this.thinking || !this.#isPersonsTurn() || !this.game.legal(column)) return;
    this.#drop(column, null);
  }

  #isPersonsTurn() {
    return !this.game.ended && (this.you === 0 || this.game.player === this.you);
  }

  #drop(column, thought) {
    this.game.play(column);
    this.thoughts.push(thought);
    this.#show();
    this.#next();
  }

  #next() {
    if (!this.game.ended && !this.#isPersonsTurn() && !this.thinking) this.#think();
  }

  #stop() {
    this.asked = Symbol("nothing");
    this.thinking = false;
    this.server.stop();
    this.worker?.stop();
  }

  /** Let the opponent find the next move, whoever's turn it is. */
  async #think() {
    if (this.thinking || this.game.ended) return;
    const asked = Symbol("question");
    Object.assign(this, { asked, thinking: true });
    this.#error("");
    this.#show();
    try {
      const thought = await this.#ask((soFar) => asked === this.asked && this.#showThought(soFar));
      if (asked !== this.asked) return;
      this.thinking = false;
      this.latest = thought;
      this.#drop(this.#careless(thought), thought);
    } catch (error) {
      if (asked !== this.asked || error instanceof Replaced) return;
      this.thinking = false;
      this.#error(error.message);
      this.#show();
    }
  }

  #ask(onThinking) {
    const { moves } = this.game;
    const search = this.simulations
      ? { simulations: this.simulations, time_limit_ms: TIME_LIMIT_MS }
      : null;
    if (this.choice && this.place === "browser") {
      this.worker ??= new WorkerThinker(this.root.dataset.worker);
      return this.worker.think({ moves, choice: this.choice, search }, onThinking);
    }
    const opponent = this.choice
      ? { model: this.choice.model, version: this.choice.version }
      : { name: this.opponent.replace("name:", "") };
    return this.server.think({ moves, opponent, search: this.choice ? search : null }, onThinking);
  }

  // The less care, the more often a column that it liked less.
  #careless({ move, policy }) {
    if (!this.care || !policy) return move;
    const odds = policy.map((share) => (share > 0 ? share ** (1 / this.care) : 0));
    let drawn = Math.random() * odds.reduce((sum, some) => sum + some, 0);
    return odds.findIndex((some) => (drawn -= some) < 0 && some > 0) ?? move;
  }

  #show() {
    this.board.show(this.game);
    const turn = this.#isPersonsTurn() && !this.thinking;
    for (const [column, drop] of this.drops.entries()) {
      drop.disabled = !turn || !this.game.legal(column);
    }
    this.part("undo").disabled = !this.game.moves.length;
    setText(this.part("turn"), this.#turnWords());
    this.#showThought(this.latest);
    this.#showCourse();
    const digits = this.game.moves.map((column) => column + 1).join("");
    const address = new URL(location);
    if (digits) address.searchParams.set("moves", digits);
    else address.searchParams.delete("moves");
    history.replaceState(null, "", address);
    this.root.dataset.moves = digits;
    this.root.dataset.thinking = String(Boolean(this.thinking));
    this.root.dataset.ended = String(this.game.ended);
    this.part("save").hidden = !this.game.ended;
  }

  #turnWords() {
    if (this.game.winner) {
      const whose = this.you ? (this.game.winner === this.you ? " You won." : " You lost.") : "";
      return `${NAMES[this.game.winner]} has four in a line.${whose}`;
    }
    if (this.game.ended) return "The board is full: a draw.";
    const mover = NAMES[this.game.player];
    if (this.thinking) return `${mover} is thinking…`;
    return this.you ? `Your turn: ${mover}.` : `${mover} to move.`;
  }

  #showThought(thought) {
    const overlay = this.part("overlay").checked;
    this.part("bars").hidden = !overlay;
    this.bars.show(overlay && thought?.policy ? thought.policy : [], thought?.move ?? -1);
    const facts = [];
    if (thought) {
      if (thought.title) facts.push(["Version", thought.title]);
      if (thought.ms !== undefined) facts.push(["Time", milliseconds(thought.ms)]);
      if (thought.simulations) facts.push(["Simulations", count(thought.simulations)]);
      if (Number.isFinite(thought.value)) facts.push(["It expects", thought.value.toFixed(2)]);
      if (overlay && thought.line?.length) {
        facts.push(["Expected line", thought.line.map((column) => column + 1).join(" ")]);
      }
    }
    this.part("facts").replaceChildren(
      ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    );
  }

  #showCourse() {
    const values = this.thoughts.map((thought, ply) => {
      if (!Number.isFinite(thought?.value)) return null;
      return ply % 2 ? -thought.value : thought.value;
    });
    if (values.length) this.values.show(values, values.length - 1);
    this.part("moves").replaceChildren(
      ...this.game.moves.map((column, ply) =>
        element(
          "li",
          { class: ply % 2 ? "yellow" : "red" },
          element("span", { "aria-label": `Ply ${ply + 1}: ${NAMES[(ply % 2) + 1]} in column ${column + 1}` }, String(column + 1)),
        ),
      ),
    );
  }

  /** Keep the finished game and go to its page, where the solver judges it. */
  async #save() {
    const form = this.part("save");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
        },
        body: JSON.stringify(this.#record(new FormData(form).has("consent"))),
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.errors?.[0]?.message ?? body.detail);
      location.assign(`${form.dataset.page}${body.game_id}/`);
    } catch (error) {
      this.#error(`The game could not be saved: ${error.message}`);
      button.disabled = false;
    }
  }

  #record(consent) {
    const human = { type: "human" };
    const machine = { type: "ai" };
    if (this.choice) machine.version = `${this.choice.model}/${this.choice.version}`;
    const players = {
      red: this.you === 2 ? machine : human,
      yellow: this.you === 1 ? machine : human,
    };
    const moves = this.game.moves.map((position) => ({ position }));
    const result = { winner: NAMES[this.game.winner] ?? "Draw", reason: "normal" };
    const { classroom } = this.root.dataset;
    return { players, moves, result, consent, ...(consent && classroom ? { classroom } : {}) };
  }

  #error(text) {
    const box = this.part("error");
    setText(box, text);
    box.hidden = !text;
  }

  /** For a test, and for who asks the page in words. */
  get words() {
    return describe(this.game);
  }
}

const root = document.querySelector("[data-play]");
if (root) new PlayPage(root);
