// Where an opponent thinks: on the server over a socket, or in this browser in a worker.
// Both give `think(question, onThinking) -> Promise of a thought`; a new question ends the old one.

const RETRY_MS = 1000;
const TRIES = 5;
const PING_MS = 4000;
const SILENT_MS = 12_000; // after which a connection that answers no ping is dead
const SIGNED_OUT = 4401;

/** question: {moves, opponent, search}; a connection that breaks is opened again, and asked again. */
export class SocketThinker {
  constructor(url) {
    Object.assign(this, { url, number: 0, waiting: null });
    window.addEventListener("offline", () => this.#lost());
    setInterval(() => this.#check(), PING_MS);
  }

  think(question, onThinking) {
    this.number += 1;
    const board = question.moves.map((column) => column + 1).join("");
    const { opponent, search } = question;
    const message = { type: "think", id: this.number, board, opponent, search };
    return new Promise((resolve, reject) => {
      this.waiting?.reject(new Replaced());
      this.waiting = { id: this.number, message, resolve, reject, onThinking, tries: 0 };
      this.#send();
    });
  }

  stop() {
    this.#give((waiting) => waiting.reject(new Replaced()));
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send('{"type":"stop"}');
  }

  #send() {
    if (!this.waiting) return;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.heardAt = performance.now();
      this.socket.send(JSON.stringify(this.waiting.message));
    } else if (!this.socket || this.socket.readyState > WebSocket.OPEN) this.#open();
  }

  #open() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    Object.assign(this, { heardAt: performance.now(), pinged: false });
    socket.onopen = () => this.#send();
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.socket && this.#closed(code);
  }

  /** A network that is gone closes nothing: ask for a sign of life while an answer is awaited. */
  #check() {
    if (!this.waiting || !this.socket || this.socket.readyState > WebSocket.OPEN) return;
    const open = this.socket.readyState === WebSocket.OPEN;
    // Only an unanswered ping counts: a page in the background looks at its clock once a minute.
    if ((this.pinged || !open) && performance.now() - this.heardAt > SILENT_MS) this.#lost();
    else if (open && !this.pinged) {
      this.pinged = true;
      this.socket.send('{"type":"ping"}');
    }
  }

  #lost() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.#closed();
  }

  #closed(code) {
    const { waiting } = this;
    if (!waiting) return;
    if (code === SIGNED_OUT) {
      this.#give(({ reject }) => reject(new Error("You are signed out. Sign in in another tab, then ask again.")));
      return;
    }
    waiting.tries += 1;
    if (waiting.tries > TRIES) {
      const words = "The server does not answer. Ask again, or let a model play in this browser.";
      this.#give(({ reject }) => reject(new Error(words)));
    } else setTimeout(() => waiting === this.waiting && this.#send(), RETRY_MS * waiting.tries);
  }

  #give(settle) {
    const { waiting } = this;
    this.waiting = null;
    if (waiting) settle(waiting);
  }

  #take(message) {
    Object.assign(this, { heardAt: performance.now(), pinged: false });
    const { waiting } = this;
    if (!waiting || message.type === "pong" || (message.id !== null && message.id !== waiting.id)) return;
    if (message.type === "thinking") waiting.onThinking(message);
    else if (message.type === "error") this.#give(({ reject }) => reject(new Error(message.text)));
    else this.#give(({ resolve }) => resolve(message));
  }
}

/** question: {moves, choice, search}. */
export class WorkerThinker {
  constructor(url) {
    Object.assign(this, { url, number: 0, waiting: null, worker: null });
  }

  think({ moves, choice, search }, onThinking) {
    this.number += 1;
    this.worker ??= this.#begin();
    return new Promise((resolve, reject) => {
      this.waiting?.reject(new Replaced());
      this.waiting = { id: this.number, resolve, reject, onThinking };
      this.worker.postMessage({ type: "think", id: this.number, choice, moves, search });
    });
  }

  #begin() {
    const worker = new Worker(this.url, { type: "module" });
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = ({ message }) => {
      const why = message ?? "its script could not be loaded. Is the server there? Ask again";
      this.worker = null; // the next question begins another one
      worker.terminate();
      this.waiting?.reject(new Error(`The network cannot run in this browser: ${why}.`));
      this.waiting = null;
    };
    return worker;
  }

  stop() {
    this.number += 1;
    this.worker?.postMessage({ type: "stop", id: this.number });
    this.waiting?.reject(new Replaced());
    this.waiting = null;
  }

  #take(message) {
    const { waiting } = this;
    if (!waiting || message.id !== waiting.id) return;
    if (message.type === "thinking") {
      waiting.onThinking(message);
      return;
    }
    this.waiting = null;
    if (message.type === "error") waiting.reject(new Error(message.text));
    else waiting.resolve(message);
  }
}

/** A question that was answered by asking another one. */
export class Replaced extends Error {}
