// The list of kept episodes: choose one, and it is played while training goes on.

import { element } from "./elements.js";
import { count, short } from "./words.js";

export class ReplayPanel {
  constructor({ body, filter, empty }, tell) {
    Object.assign(this, { body, filter, empty, tell });
    filter.addEventListener("change", () => this.ask());
    body.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-episode]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault(); // without this script the link opens the page with that episode
      this.onPick?.(Number(link.dataset.episode));
    });
  }

  ask() {
    const reason = this.filter.value;
    this.tell({ type: "list_replays", filters: reason ? { reason } : {} });
  }

  show(message) {
    this.empty.hidden = message.episodes.length > 0;
    this.body.closest(".table-wrap").hidden = !message.episodes.length;
    this.body.replaceChildren(...message.episodes.map((episode) => this.#row(episode)));
    this.mark(this.current);
  }

  mark(number) {
    this.current = number;
    for (const link of this.body.querySelectorAll("a[data-episode]")) {
      const here = Number(link.dataset.episode) === number;
      if (here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  #row(episode) {
    const link = element(
      "a",
      { href: `?episode=${episode.number}`, "data-episode": episode.number },
      count(episode.number),
    );
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, link),
      element("td", { class: "number" }, count(episode.survival_steps)),
      element("td", { class: "number" }, short(episode.score)),
      element("td", { class: "number" }, episode.stage ? String(episode.stage) : "–"),
      element("td", {}, episode.reasons.join(", ")),
    );
  }
}
