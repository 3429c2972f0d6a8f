// Says when the connection is gone, counts down to the next try, and falls silent when it is back.

import { setText } from "./elements.js";

export class ConnectionBanner {
  constructor(box, socket) {
    this.box = box;
    this.text = box.querySelector("[data-banner-text]");
    this.countdown = box.querySelector("[data-banner-countdown]");
    this.button = box.querySelector("button");
    this.button.addEventListener("click", () => socket.retryNow());
    socket.addEventListener("state", (event) => this.#show(event.detail));
  }

  #show({ state, retryIn, reason }) {
    clearInterval(this.timer);
    if (state === "open") {
      if (this.lost) setText(this.text, "Connection is back.");
      this.box.dataset.state = "open";
      this.button.hidden = true;
      setText(this.countdown, "");
      this.timer = setTimeout(() => (this.box.hidden = true), this.lost ? 2500 : 0);
      this.lost = false;
      return;
    }
    clearTimeout(this.timer);
    if (state === "connecting") {
      if (this.lost) setText(this.countdown, "now …");
      return;
    }
    this.lost = true;
    this.box.hidden = false;
    this.box.dataset.state = state;
    this.button.hidden = state === "closed";
    setText(this.text, reason ?? "Connection lost, trying again");
    if (state === "waiting") this.#count(performance.now() + retryIn * 1000);
    else setText(this.countdown, "");
  }

  // The ticking number is not part of the status text: a screen reader reads the loss once.
  #count(until) {
    const show = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      setText(this.countdown, `in ${left} s`);
    };
    show();
    this.timer = setInterval(show, 250);
  }
}
