// Our own drawings of places and meters, on a 24 x 24 field, drawn with a round pen.
// The same path strings serve the canvas (Path2D) and the page (SVG).

import { svg } from "../live/elements.js";

export const PLACES = {
  Bed: {
    group: "home",
    path: "M3 6v13M3 16h18M21 19v-4.5a3 3 0 0 0-3-3h-7V16M7 13.2a1.6 1.6 0 1 0-.01 0",
  },
  LuxuryBed: {
    group: "home",
    path: "M3 9v11M3 17h18M21 20v-4a3 3 0 0 0-3-3h-7v4M7 14.6a1.4 1.4 0 1 0-.01 0M11.5 8.5 10.6 4l2.6 1.7L15 3l1.8 2.7L19.4 4l-.9 4.5z",
  },
  Shower: {
    group: "home",
    path: "M4 21V6.5a3.3 3.3 0 0 1 6.6 0V8M6.8 12a3.9 3.9 0 0 1 7.8 0zM8 15.5v1.4M10.7 15.5v1.4M13.4 15.5v1.4M9.3 19.2v1.4M12 19.2v1.4",
  },
  HomeMeal: {
    group: "food",
    path: "M3.5 12h17a8.5 8.5 0 0 1-5.3 7.6v.9H8.8v-.9A8.5 8.5 0 0 1 3.5 12zM9 8.6c-1.2-1.3 1.2-2.3 0-3.8M12.5 8.6c-1.2-1.3 1.2-2.3 0-3.8M16 8.6c-1.2-1.3 1.2-2.3 0-3.8",
  },
  FastFood: {
    group: "food",
    path: "M4 10.2C4 6.9 7.6 5 12 5s8 1.9 8 5.2zM3.5 13.6c1.5-1 2.6 1 4.2 0s2.7 1 4.3 0 2.7 1 4.3 0 2.7 1 4.2 0M5 16.8h14v.6A2.6 2.6 0 0 1 16.4 20H7.6A2.6 2.6 0 0 1 5 17.4zM9 7.8h.01M13 7.2h.01",
  },
  Doctor: {
    group: "health",
    path: "M5 3.5v5a4.5 4.5 0 0 0 9 0v-5M4 3.5h2M13 3.5h2M9.5 13v2.5a4.7 4.7 0 0 0 9.4 0v-2M18.9 9.8a1.85 1.85 0 1 0 .01 0",
  },
  Hospital: { group: "health", path: "M4 20.5v-12L12 4l8 4.5v12zM12 10v6M9 13h6" },
  Therapist: {
    group: "health",
    path: "M4 4.5h16v11.5h-8.5L7 20v-4H4zM12 13.2c-2.8-1.7-3.8-3-3.8-4.3a1.9 1.9 0 0 1 3.8-.6 1.9 1.9 0 0 1 3.8.6c0 1.3-1 2.6-3.8 4.3z",
  },
  Recreation: {
    group: "leisure",
    path: "M9 18V5.5L19.5 3.5V16M9 18a2.6 2.6 0 1 1-5.2 0A2.6 2.6 0 0 1 9 18zM19.5 16a2.6 2.6 0 1 1-5.2 0 2.6 2.6 0 0 1 5.2 0zM9 9.5l10.5-2",
  },
  Bar: { group: "leisure", path: "M4 4.5h16L12 13zM12 13v7M8 20h8M6.6 7.2h10.8M15 4.5 17.5 2" },
  Job: {
    group: "work",
    path: "M3.5 8h17v11.5h-17zM9 8V5.8A1.3 1.3 0 0 1 10.3 4.5h3.4A1.3 1.3 0 0 1 15 5.8V8M3.5 13h7M13.5 13h7M10.5 11.8h3v2.6h-3z",
  },
  Labor: {
    group: "work",
    path: "M13.2 8.8 4.6 17.4a1.7 1.7 0 0 0 2.4 2.4l8.6-8.6M10.5 4.8c3-1.6 5.7-1.2 8 1.3l2 2-2.6 2.6-1.6-1.6-1.9 1.9-3-3L13 6.4z",
  },
  Gym: { group: "fitness", path: "M7 7.5v9M4 9.5v5M17 7.5v9M20 9.5v5M7 12h10M2.5 12H4M20 12h1.5" },
  Park: {
    group: "fitness",
    path: "M12 21v-8M12 17.5l3.2-2.6M12 15.5 9.4 13.4M12 3a5 5 0 0 0-4.7 6.6A3.9 3.9 0 0 0 9 17h6a3.9 3.9 0 0 0 1.7-7.4A5 5 0 0 0 12 3z",
  },
};

export const METERS = {
  energy: "M13 2.5 5 13.5h6l-1 8 8.5-11.5h-6z",
  hygiene:
    "M12 3c3.6 4.3 6 7.3 6 10.6a6 6 0 0 1-12 0C6 10.3 8.4 7.3 12 3zM9.2 14a2.9 2.9 0 0 0 2.6 2.8",
  satiation:
    "M6 3v6a2.4 2.4 0 0 0 4.8 0V3M8.4 3v18M17.5 21v-7M17.5 14c-2 0-2.8-1.4-2.8-4.5S16 3.5 17.5 3z",
  money:
    "M12 3.5a8.5 8.5 0 1 0 .01 0M14.8 9.2c-.5-1-1.5-1.5-2.8-1.5-1.6 0-2.8.8-2.8 2.1 0 3 5.8 1.3 5.8 4.3 0 1.3-1.3 2.2-3 2.2-1.5 0-2.6-.6-3.1-1.7M12 6.2v1.5M12 16.3v1.5",
  mood: "M12 3.5a8.5 8.5 0 1 0 .01 0M8.3 14a4.3 4.3 0 0 0 7.4 0M9 9.5h.01M15 9.5h.01",
  social:
    "M9 5a3 3 0 1 0 .01 0M3.5 19.5c0-3.6 2.3-5.8 5.5-5.8s5.5 2.2 5.5 5.8M16.2 6.5a2.5 2.5 0 1 1 .9 4.9M16.8 14.2c2.3.3 3.7 2.3 3.7 5.3",
  health:
    "M12 20.5C6 16.5 3.5 13 3.5 9.4A4.6 4.6 0 0 1 12 7.2a4.6 4.6 0 0 1 8.5 2.2c0 3.6-2.5 7.1-8.5 11.1z",
  fitness: "M7 7.5v9M4 9.5v5M17 7.5v9M20 9.5v5M7 12h10",
};

const OTHER = { group: "other", path: "M5 5h14v14H5z" };

export function placeOf(name) {
  return PLACES[name] ?? OTHER;
}

/** An icon for the page; decoration only, its name stands beside it. */
export function icon(path, className = "icon") {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: className, "aria-hidden": "true" },
    svg("path", { d: path }),
  );
}

export function placeIcon(name) {
  const place = placeOf(name);
  return icon(place.path, `icon place-${place.group}`);
}

export function meterIcon(name) {
  return icon(METERS[name] ?? "M4 12h16", "icon");
}
