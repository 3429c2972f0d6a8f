// What a town episode says, under the names the panels use. The only file that knows the
// spelling of an episode's start; see the town recorder for what each field means.

/** Reads the start of an episode once. */
export function readTown(start) {
  const layout = start.layout;
  const meters = layout.meters;
  const active = new Set(start.active_meters ?? layout.active_meters ?? meters);
  return {
    width: layout.width,
    height: layout.height,
    window: typeof layout.view === "number" ? layout.view : null,
    temporal: Boolean(layout.temporal),
    maxSteps: layout.max_steps,
    meters,
    active,
    actions: layout.actions,
    crisis: layout.crisis ?? 0.3,
    pivotal: new Set(layout.pivotal ?? ["energy", "health"]),
    cascades: layout.cascades ?? [],
    places: layout.affordances.map((place) => ({
      name: place.name,
      x: place.x,
      y: place.y,
      opens: place.opens ?? 0,
      closes: place.closes ?? 24,
      ticks: place.ticks ?? 1,
    })),
  };
}

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

/** "death: energy" -> "died of energy"; "time limit" -> "reached the time limit" */
export function endInWords(reason) {
  const death = /^death:\s*(.+)$/.exec(reason ?? "");
  if (death) return `died of ${death[1]}`;
  return reason ? `reached the ${reason}` : "went on";
}
