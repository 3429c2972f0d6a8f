// What a town episode says, under the names the panels use. The only file that knows the
// spelling of an episode's start; hamlet/envs/town/view.py says what each field means.

/** Reads the start of an episode once. */
export function readTown(start) {
  const layout = start.layout;
  return {
    width: layout.grid.width,
    height: layout.grid.height,
    window: typeof layout.view === "number" ? layout.view : null,
    temporal: layout.temporal,
    maxSteps: layout.max_steps,
    meters: layout.meters,
    active: new Set(layout.active_meters),
    actions: layout.actions,
    crisis: layout.crisis_threshold,
    cascades: layout.cascades,
    places: layout.affordances,
  };
}

// Death comes at 0 of these; the others only drag them down.
export const PIVOTAL = new Set(["energy", "health"]);

export function isOpen(place, hour) {
  const span = place.closes - place.opens;
  return span >= 24 || (((hour - place.opens) % 24) + 24) % 24 < span;
}

export function placeAt(town, x, y) {
  return town.places.find((place) => place.x === x && place.y === y) ?? null;
}

/** Which meters are pulled down by which, now: [{source, targets: [names]}] */
export function cascadesNow(town, values) {
  const pulled = new Map();
  for (const { source, target } of town.cascades) {
    const value = values[town.meters.indexOf(source)];
    if (!town.active.has(source) || !town.active.has(target) || !(value < town.crisis)) continue;
    if (!pulled.has(source)) pulled.set(source, []);
    pulled.get(source).push(target);
  }
  return [...pulled].map(([source, targets]) => ({ source, targets }));
}

/** The same for a start as it arrived, for whoever has no town at hand. */
export function cascadesOf(start, values) {
  return cascadesNow(readTown(start), values);
}

/** "death: energy" -> "died of energy"; "time limit" -> "reached the time limit" */
export function endInWords(reason) {
  const death = /^death:\s*(.+)$/.exec(reason ?? "");
  if (death) return `died of ${death[1]}`;
  return reason ? `reached the ${reason}` : "went on";
}
