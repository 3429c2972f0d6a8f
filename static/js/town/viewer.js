// The town's part of a run page: map and panels. See live/run.js for what it is asked to do.

import { element, setText } from "../live/elements.js";
import { count, countOf, title } from "../live/words.js";
import { ActionPanel } from "./actions.js";
import { AffordancePanel } from "./affordances.js";
import { CertificatePanel } from "./certificates.js";
import { ClockPanel } from "./clock.js";
import { CurriculumPanel, curriculumLimits } from "./curriculum.js";
import { placeIcon } from "./icons.js";
import { TownMap } from "./map.js";
import { EventLog, MeterPanel } from "./meters.js";
import { RewardPanel } from "./rewards.js";
import { endInWords, placeAt, readTown } from "./town.js";

const NAME_MAP_EVERY_MS = 1000;

export function createViewer(root, page) {
  return new TownViewer(root, page);
}

class TownViewer {
  constructor(root, { seek, redraw, settings }) {
    const find = (name) => root.querySelector(`[data-town="${name}"]`);
    this.find = find;
    this.redraw = redraw;
    this.limits = curriculumLimits(settings);
    this.map = new TownMap(find("map"));
    this.meters = new MeterPanel(find("meters"));
    this.actions = new ActionPanel(find("actions"), find("verdict"));
    this.events = new EventLog(find("events"), seek);
    this.rewards = new RewardPanel(find("rewards"), find("sums"));
    this.clock = new ClockPanel({
      dial: find("dial"),
      hour: find("hour"),
      ring: find("ring"),
      doing: find("doing"),
      places: find("hours"),
      note: find("clock-note"),
    });
    this.affordances = new AffordancePanel({
      list: find("uses"),
      graph: find("graph"),
      transitions: find("transitions"),
    });
    this.curriculum = new CurriculumPanel({
      track: find("stages"),
      words: find("stage-words"),
      conditions: find("conditions"),
    });
    this.certificates = new CertificatePanel(find("best"), find("recent"));
    this.panels = [this.meters, this.actions, this.events, this.rewards, this.clock];
    this.#listenToLayers(find("layers"));
    addEventListener("themechange", () => this.map.readColours());
    addEventListener("resize", redraw);
    document.fonts.ready.then(() => {
      this.map.ground.forget(); // labels drawn before the font came
      redraw();
    });
  }

  #listenToLayers(box) {
    for (const input of box.querySelectorAll("input")) {
      this.map.layers[input.value] = input.checked;
      input.addEventListener("change", () => {
        this.map.layers[input.value] = input.checked;
        this.redraw();
      });
    }
  }

  start(episode) {
    this.town = readTown(episode.start);
    this.find("waiting").hidden = true;
    this.find("map").hidden = false;
    this.find("frame-choice").hidden = !this.town.window;
    this.map.drawEmpty(this.town);
    for (const panel of this.panels) panel.start(this.town, episode);
    this.curriculum.start(episode);
    this.#showStart(episode);
    this.#listPlaces();
  }

  draw(episode, index, fraction) {
    this.map.draw(this.town, episode, index, fraction);
    for (const panel of this.panels) panel.draw(episode, index);
    const now = performance.now();
    if (now - (this.namedAt ?? 0) < NAME_MAP_EVERY_MS) return;
    this.namedAt = now;
    this.find("map").setAttribute("aria-label", this.#describe(episode, index));
  }

  /** Any episode has come to its end, shown or not. */
  ended(episode) {
    this.certificates.add(readTown(episode.start), episode);
  }

  /** The shown episode is whole: its counts may be shown. */
  totals(episode) {
    this.affordances.show(this.town, episode.end);
  }

  metrics(values) {
    this.curriculum.metrics(values, this.limits);
  }

  summary(episode) {
    const { number, steps } = episode;
    const what = episode.isReplay ? "Replay of episode" : "Episode";
    return `${what} ${count(number)}: survived ${count(steps)} of ${countOf(this.town.maxSteps, "step")}, ${endInWords(episode.end?.reason)}.`;
  }

  #showStart({ start }) {
    const facts = { epsilon: start.epsilon, intrinsic: start.intrinsic_weight };
    for (const [name, value] of Object.entries(facts)) {
      setText(this.find(name), Number.isFinite(value) ? value.toFixed(2) : "–");
    }
  }

  #listPlaces() {
    const rows = this.town.places.map((place) =>
      element(
        "li",
        {},
        placeIcon(place.name),
        `${title(place.name)}: column ${place.x + 1}, row ${place.y + 1}`,
      ),
    );
    this.find("places").replaceChildren(...rows);
  }

  #describe(episode, index) {
    const { width, height } = this.town;
    const [x, y] = [episode.value("x", index), episode.value("y", index)];
    const place = placeAt(this.town, x, y);
    const at = place ? `, on ${title(place.name)}` : "";
    return `Town of ${width} by ${height} cells. Step ${index + 1} of ${episode.steps}: the agent is in column ${x + 1}, row ${y + 1}${at}.`;
  }
}
