// Where an opponent thinks: on the server over a socket, or in this browser in a worker.
// Both give `think(question, onThinking) -> Promise of a thought`; a new question ends the old one.

const RETRY_MS = 1000;
const TRIES = 5;

/** question: {moves, opponent, search}; a connection that breaks is opened again, and asked again. */
export class SocketThinker {
  constructor(url) {
    Object.assign(this, { url, number: 0, waiting: null });
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
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send('{"type":"stop"}');
  }

  #send() {
    if (!this.waiting) return;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(this.waiting.message));
    } else if (!this.socket || this.socket.readyState > WebSocket.OPEN) this.#open();
  }

  #open() {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => this.#send();
    this.socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.socket.onclose = () => this.#closed();
  }

  #closed() {
    const { waiting } = this;
    if (!waiting) return;
    waiting.tries += 1;
    if (waiting.tries > TRIES) {
      this.waiting = null;
      waiting.reject(new Error("The server does not answer. Try again, or play in the browser."));
    } else setTimeout(() => this.#send(), RETRY_MS * waiting.tries);
  }

  #take(message) {
    const { waiting } = this;
    if (!waiting || (message.id !== null && message.id !== waiting.id)) return;
    if (message.type === "thinking") {
      waiting.onThinking(message);
      return;
    }
    this.waiting = null;
    if (message.type === "error") waiting.reject(new Error(message.text));
    else waiting.resolve(message);
  }
}

/** question: {moves, choice, search}. */
export class WorkerThinker {
  constructor(url) {
    this.worker = new Worker(url, { type: "module" });
    this.number = 0;
    this.waiting = null;
    this.worker.onmessage = ({ data }) => this.#take(data);
    this.worker.onerror = (event) => {
      this.waiting?.reject(new Error(`The network could not run here: ${event.message}`));
      this.waiting = null;
    };
  }

  think({ moves, choice, search }, onThinking) {
    this.number += 1;
    return new Promise((resolve, reject) => {
      this.waiting?.reject(new Replaced());
      this.waiting = { id: this.number, resolve, reject, onThinking };
      const simulations = search?.simulations ?? 0;
      this.worker.postMessage({ id: this.number, choice, moves, simulations });
    });
  }

  stop() {
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
