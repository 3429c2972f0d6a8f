// The connection to a run: reconnects by itself, acknowledges, measures how far away the server is.
//
// Events: "message" (detail: the message), "state" (detail: {state, retryIn, reason}).
// state: "connecting", "open", "waiting" (retryIn seconds), "closed" (for good; reason says why).

const PING_EVERY_MS = 5000;
const SILENCE_MS = 12000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15000;

// Close codes after which trying again is of no use; see live/protocol.py.
const [SIGNED_OUT, OUT_OF_SIGHT] = [4401, 4404];
const HIDDEN = [403, 404]; // statuses of a page that the visitor may not see
const FINAL = {
  [SIGNED_OUT]: "You are signed out. Sign in again to go on watching.",
  [OUT_OF_SIGHT]: "You may no longer see this run.",
};

export class LiveSocket extends EventTarget {
  /** page: address of a page with the same rules of access, to ask why a handshake failed. */
  constructor(url, page) {
    super();
    Object.assign(this, { url, page });
    this.attempts = 0;
    this.roundTripMs = NaN;
    this.clockOffset = 0; // seconds to add to our clock to get the server's
    this.state = "connecting";
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  connect() {
    clearTimeout(this.retryTimer);
    this.#become("connecting");
    this.unacknowledged = { messages: 0, bytes: 0 };
    this.limits = { messages: 1, bytes: 1 };
    this.bestRoundTripMs = Infinity;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", (event) => this.#received(socket, event.data));
    socket.addEventListener("close", (event) => this.#closed(socket, event));
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** The server's clock, in seconds since the epoch, as well as we know it. */
  serverNow() {
    return Date.now() / 1000 + this.clockOffset;
  }

  retryNow() {
    if (this.state === "waiting") this.connect();
  }

  #opened(socket) {
    this.heardAt = performance.now();
    this.pingedAt = -Infinity;
    this.pingTimer = setInterval(() => this.#ping(socket), PING_EVERY_MS);
    this.#ping(socket);
  }

  // A ping that was not answered means a dead line. Time alone does not: a tab in the background
  // pings but once a minute.
  #ping(socket) {
    const now = performance.now();
    const unanswered = this.pingedAt > this.heardAt;
    if (unanswered && now - this.pingedAt > SILENCE_MS) {
      socket.close(4000, "silent");
      this.#closed(socket, { code: 4000 }); // a dead line never answers the closing handshake
      return;
    }
    if (!unanswered) this.pingedAt = now;
    this.send({ type: "ping", sent: Date.now() / 1000 });
  }

  #received(socket, text) {
    if (socket !== this.socket) return;
    this.heardAt = performance.now();
    const message = JSON.parse(text);
    if (message.type === "connected") {
      this.attempts = 0;
      this.limits = message.acknowledge;
      this.#become("open");
    }
    if (message.type === "pong") this.#measure(message);
    this.#acknowledge(message, text.length);
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  // The server keeps only so much unacknowledged on the way, so a browser that falls behind
  // (a phone in a pocket) costs it no memory: it skips to the newest episode instead.
  #acknowledge(message, size) {
    const waiting = this.unacknowledged;
    waiting.messages += 1;
    waiting.bytes += size;
    if (waiting.messages < this.limits.messages && waiting.bytes < this.limits.bytes) return;
    this.unacknowledged = { messages: 0, bytes: 0 };
    this.send({ type: "ack", seq: message.seq });
  }

  // As NTP does: the shortest round trip tells the clocks apart best.
  #measure(pong) {
    const now = Date.now() / 1000;
    this.roundTripMs = (now - pong.sent) * 1000;
    if (this.roundTripMs > this.bestRoundTripMs) return;
    this.bestRoundTripMs = this.roundTripMs;
    this.clockOffset = pong.at - (now + pong.sent) / 2;
  }

  #closed(socket, event) {
    if (socket !== this.socket) return;
    this.socket = null;
    clearInterval(this.pingTimer);
    this.roundTripMs = NaN;
    if (FINAL[event.code]) this.#become("closed", { reason: FINAL[event.code] });
    else if (this.state === "connecting") this.#askWhy();
    else this.#retryLater();
  }

  // A refused handshake and a server that is away look alike here; a page tells them apart.
  async #askWhy() {
    try {
      const answer = await fetch(this.page, { method: "HEAD", redirect: "manual" });
      const hidden = HIDDEN.includes(answer.status);
      const code = hidden ? OUT_OF_SIGHT : answer.type === "opaqueredirect" ? SIGNED_OUT : null;
      if (code) {
        this.#become("closed", { reason: FINAL[code] });
        return;
      }
    } catch {
      // It is away.
    }
    this.#retryLater();
  }

  #retryLater() {
    // Jitter keeps a whole class from coming back in the same instant.
    const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempts);
    const wait = backoff * (0.5 + Math.random() / 2);
    this.attempts += 1;
    this.retryTimer = setTimeout(() => this.connect(), wait);
    this.#become("waiting", { retryIn: wait / 1000 });
  }

  #become(state, more = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, ...more } }));
  }
}
