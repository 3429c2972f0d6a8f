// The page on which a person plays. The game lives here: its moves are kept in the address, so
// that a page that is loaded again, or sent to a friend, goes on where it was.

import { element, setText } from "../live/elements.js";
import { Board, ColumnBars, describe } from "./board.js";
import { Choices, nameOf } from "./choices.js";
import { COLUMNS, Game, NAMES } from "./rules.js";
import { cutWords, factsOf, turnWords } from "./saying.js";
import { newKey, recordOf, saveGame } from "./saving.js";
import { Replaced, SocketThinker, WorkerThinker } from "./thinkers.js";
import { ValueLine } from "./values.js";

const TIME_LIMIT_MS = 5000;

class PlayPage {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-play-part="${name}"]`);
    this.versions = JSON.parse(document.getElementById("play-choices").textContent);
    this.board = new Board(this.part("board"));
    this.bars = new ColumnBars(this.part("bars"));
    this.values = new ValueLine(this.part("values"), () => {});
    this.drops = [...root.querySelectorAll("[data-column]")];
    this.form = this.part("form");
    this.choices = new Choices(this.form, this.versions);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.server = new SocketThinker(`${scheme}://${location.host}${root.dataset.socket}`);
    const given = [...root.dataset.moves].map((digit) => Number(digit) - 1);
    const problem = this.choices.restore(new URL(location).searchParams);
    this.choice = this.choices.read();
    this.#start(given);
    this.#notice(problem || cutWords(given, this.game));
    this.#listen();
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
    this.part("keys").addEventListener("change", () => this.#show());
    this.part("overlay").addEventListener("change", () => this.#show());
    this.form.addEventListener("change", () => this.#chosen());
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
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (!this.part("keys").checked) return;
    if (event.target.matches("select, textarea, input:not([type=radio], [type=checkbox])")) return;
    if (/^[1-7]$/.test(event.key)) this.play(Number(event.key) - 1);
    else if (event.key.toLowerCase() === "o") this.part("overlay").click();
  }

  /** Another opponent or side: whoever thinks at this moment thinks for nothing. */
  #chosen() {
    const before = this.choice;
    this.choice = this.choices.read();
    const { opponent, you, inBrowser } = this.choice;
    if (opponent !== before.opponent || you !== before.you || inBrowser !== before.inBrowser) {
      this.#stop();
      this.#error("");
    }
    this.#show();
    this.#next();
  }

  #start(moves) {
    this.game = new Game(moves);
    this.thoughts = this.game.moves.map(() => null); // by ply; null where a person moved
    this.movers = this.game.moves.map(() => ""); // by ply; see saving.js
    this.key = newKey();
  }

  begin() {
    this.#stop();
    this.#start([]);
    this.#renew();
  }

  #renew() {
    this.#error("");
    this.#notice("");
    this.#show();
    this.#next();
  }

  /** Back to the person's own last choice. */
  takeBack() {
    this.#stop();
    const { you } = this.choice;
    let length = this.game.moves.length - 1;
    while (length > 0 && you && (length % 2) + 1 !== you) length -= 1;
    const [thoughts, movers] = [this.thoughts.slice(0, length), this.movers.slice(0, length)];
    this.#start(this.game.moves.slice(0, length));
    Object.assign(this, { thoughts, movers });
    this.#renew();
  }

  /** A move of a person; nothing happens where it is not a person's turn. */
  play(column) {
    if (this.thinking || !this.#isPersonsTurn() || !this.game.legal(column)) return;
    this.#drop(column, null, null);
  }

  #isPersonsTurn() {
    const { you } = this.choice;
    return !this.game.ended && (you === 0 || this.game.player === you);
  }

  #drop(column, thought, mover) {
    this.game.play(column);
    this.thoughts.push(thought);
    this.movers.push(mover);
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
    const [asked, { choice }] = [Symbol("question"), this];
    Object.assign(this, { asked, thinking: true });
    this.#error("");
    this.#show();
    try {
      const thought = await this.#ask((soFar) => asked === this.asked && this.#showThought(soFar));
      if (asked !== this.asked) return;
      this.thinking = false;
      this.#drop(this.#careless(thought), thought, nameOf(choice));
    } catch (error) {
      if (asked !== this.asked || error instanceof Replaced) return;
      this.thinking = false;
      this.#error(error.message);
      this.#show();
    }
  }

  #ask(onThinking) {
    const { moves } = this.game;
    const { simulations, version, opponent, inBrowser } = this.choice;
    const search = version && simulations ? { simulations, time_limit_ms: TIME_LIMIT_MS } : null;
    if (inBrowser) {
      this.worker ??= new WorkerThinker(this.root.dataset.worker);
      const thought = this.worker.think({ moves, choice: version, search }, onThinking);
      return thought.then((found) => ({ title: `${opponent}, in this browser`, ...found }));
    }
    const named = version
      ? { model: version.model, version: version.version }
      : { name: opponent.replace("name:", "") };
    return this.server.think({ moves, opponent: named, search }, onThinking);
  }

  // The less care, the more often a column that it liked less.
  #careless({ move, policy }) {
    const { care } = this.choice;
    if (!care || !policy) return move;
    const odds = policy.map((share) => (share > 0 ? share ** (1 / care) : 0));
    let drawn = Math.random() * odds.reduce((sum, some) => sum + some, 0);
    const column = odds.findIndex((some) => (drawn -= some) < 0 && some > 0);
    return column < 0 ? move : column;
  }

  #show() {
    this.board.show(this.game);
    const turn = this.#isPersonsTurn() && !this.thinking;
    for (const [column, drop] of this.drops.entries()) {
      // Not `disabled`, which would take the keyboard's focus away with every move.
      drop.setAttribute("aria-disabled", String(!turn || !this.game.legal(column)));
    }
    this.part("undo").disabled = !this.game.moves.length;
    const { version, you } = this.choice;
    this.part("place").hidden = this.part("strength").hidden = this.part("care").hidden = !version;
    this.part("side").hidden = !you;
    this.part("hint").disabled = !you || this.thinking || this.game.ended;
    setText(this.part("hint"), this.#isPersonsTurn() || this.game.ended ? "Move for me" : "Ask again");
    setText(this.part("turn"), turnWords(this.game, this.choice.you, this.thinking));
    this.#showThought(this.thoughts.findLast(Boolean));
    this.#showCourse();
    this.#keepInAddress();
    this.root.dataset.thinking = String(Boolean(this.thinking));
    this.root.dataset.ended = String(this.game.ended);
    this.part("save").hidden = !this.game.ended;
  }

  #keepInAddress() {
    const digits = this.game.moves.map((column) => column + 1).join("");
    const address = new URL(location);
    if (digits) address.searchParams.set("moves", digits);
    else address.searchParams.delete("moves");
    this.choices.keep(address.searchParams, Boolean(digits));
    history.replaceState(null, "", address);
    this.root.dataset.moves = digits;
  }

  #showThought(thought) {
    const overlay = this.part("overlay").checked;
    this.part("bars").hidden = this.part("bars-words").hidden = !overlay;
    const network = thought?.visits && thought.network_policy;
    this.bars.show((overlay && thought?.policy) || [], thought?.move ?? -1, (overlay && network) || []);
    this.part("facts").replaceChildren(
      ...factsOf(thought, overlay).flatMap(([name, value]) => [
        element("dt", {}, name),
        element("dd", {}, value),
      ]),
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
    this.#error("");
    try {
      const id = await saveGame(form.dataset.url, this.#record(new FormData(form)), this.key);
      location.assign(`${form.dataset.page}${id}/`);
    } catch (error) {
      this.#error(`The game could not be saved: ${error.message}`);
      button.disabled = false;
    }
  }

  #record(form) {
    const { you, version, simulations, inBrowser } = this.choice;
    const name = you ? nameOf(this.choice) : null;
    return recordOf(this.game, {
      movers: this.movers,
      seats: { 1: you === 2 ? name : null, 2: you === 1 ? name : null },
      metadata: version ? { simulations, "thought on": inBrowser ? "browser" : "server" } : {},
      consent: form.has("consent"),
      classroom: form.get("classroom"),
    });
  }

  #error(text) {
    const box = this.part("error");
    setText(box, text);
    box.hidden = !text;
  }

  #notice(text) {
    const box = this.part("notice");
    setText(box, text || this.root.dataset.problem);
    box.hidden = !box.textContent;
    this.root.dataset.problem = "";
  }

  /** For a test, and for who asks the page in words. */
  get words() {
    return describe(this.game);
  }
}

const root = document.querySelector("[data-play]");
if (root) new PlayPage(root);
