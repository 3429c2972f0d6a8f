// What a person chose on the play page. It is kept in the address beside the moves, so that a page
// that is loaded again goes on with the same opponent and on the same side.

export const FRIEND = "friend";
const KEPT = ["opponent", "you", "place", "simulations", "care"];

export class Choices {
  /** form: of the page. versions: by title, what a script needs to ask each of them. */
  constructor(form, versions) {
    Object.assign(this, { form, versions });
    this.standard = this.#values();
  }

  /** Take what the address says. Returns: in words what of it cannot be had, or "". */
  restore(parameters) {
    const missing = KEPT.filter((name) => parameters.has(name)).filter((name) => {
      const wanted = parameters.get(name);
      const controls = [...this.form.querySelectorAll(`[name="${name}"]`)];
      const option = controls.flatMap((control) => [...(control.options ?? [control])]).find(({ value }) => value === wanted);
      if (!option) return true;
      option[controls[0].options ? "selected" : "checked"] = true;
      return false;
    });
    const words = missing.map((name) => `“${parameters.get(name)}” (${name})`).join(", ");
    return words && `There is no ${words} to choose here, so the page begins with what it has.`;
  }

  /** Write into the address what is not as it always is; the opponent of a game that goes on too. */
  keep(parameters, playing) {
    const values = this.#values();
    for (const name of [...KEPT, "version"]) parameters.delete(name);
    for (const name of KEPT) {
      const usual = values[name] === this.standard[name] && !(playing && name === "opponent");
      if (!usual && values[name] !== null) parameters.set(name, values[name]);
    }
  }

  read() {
    const inBrowser = this.form.querySelector('[value="browser"]');
    const opponent = this.#values().opponent;
    const version = this.versions[opponent] ?? null;
    inBrowser.disabled = !version?.url;
    if (inBrowser.disabled && inBrowser.checked) {
      this.form.querySelector('[value="server"]').checked = true;
    }
    const { you, simulations, care, place } = this.#values();
    return {
      opponent,
      version,
      you: opponent === FRIEND ? 0 : Number(you), // 0: both are people
      simulations: Number(simulations),
      care: Number(care),
      inBrowser: version !== null && place === "browser",
    };
  }

  #values() {
    const data = new FormData(this.form);
    return Object.fromEntries(KEPT.map((name) => [name, data.get(name)]));
  }
}

/** What an opponent is called in the record of a game. */
export function nameOf({ opponent, version }) {
  return version ? `${version.model}/${version.version}` : opponent.replace("name:", "");
}
