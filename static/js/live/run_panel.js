// The buttons of this person, what happened to the run, and its files, as the server renders them.

/** Keeps the panel fresh. A button stays where it is while its request is on the way: htmx looks for
 * what an answer replaces beside the element that asked, and finds nothing beside one that is gone. */
export class RunPanel {
  constructor(panel) {
    this.panel = panel;
    this.asking = 0; // requests of buttons that are on their way
    this.stale = false;
    document.addEventListener("htmx:beforeRequest", (event) => {
      if (this.#isOfButton(event)) this.asking += 1;
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (this.#isOfButton(event)) this.#answered();
    });
    panel.addEventListener("htmx:beforeSwap", (event) => {
      if (!this.asking || this.#isOfButton(event)) return;
      event.detail.shouldSwap = false;
      this.stale = true;
    });
  }

  refresh() {
    this.stale = this.asking > 0;
    if (this.stale) return;
    const { panel } = this;
    const what = { source: panel, target: panel, swap: "innerHTML" };
    window.htmx.ajax("GET", panel.dataset.runPanel, what);
  }

  #isOfButton({ detail }) {
    return detail.target === this.panel && detail.requestConfig.elt !== this.panel;
  }

  #answered() {
    this.asking -= 1;
    if (this.stale && !this.asking) this.refresh();
  }
}
