"""The town once more, slowly: one agent, plain floats, each rule in its own line.

Written from the specification and from nothing else, so that the batched environment has
something to be compared with. The vocabulary is the specification's own table, as text.
"""

from __future__ import annotations

METERS = ["energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness"]
ACTIONS = ["UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT", "REST", "MEDITATE"]
TABLE = """
Bed | .05 | .01 | 5 | energy +.075 | energy +.125, health +.02 | 0-24
LuxuryBed | .11 | .01833 | 6 | energy +.09375 | energy +.1875, health +.05 | 0-24
Shower | .03 | .01 | 3 | hygiene +.1 | hygiene +.1 | 0-24
HomeMeal | .03 | .01 | 2 | satiation +.1125 | satiation +.1125, health +.03 | 0-24
FastFood | .10 | .05 | 2 | satiation +.16875, energy +.05625 | satiation +.1125, energy +.0375, \
social +.01, fitness -.03, health -.02 | 0-24
Doctor | .08 | .04 | 3 | health +.09375 | health +.0625 | 8-18
Hospital | .15 | .05 | 6 | health +.1 | health +.1 | 0-24
Therapist | .15 | .05 | 4 | mood +.1 | mood +.1 | 8-18
Recreation | .06 | .03 | 3 | mood +.09375, energy +.045 | mood +.0625, energy +.03 | 8-22
Bar | .15 | .075 | 2 | social +.1875, mood +.09375, satiation +.1125 | social +.125, mood +.0625, \
satiation +.075, energy -.2, hygiene -.15, health -.05 | 18-28
Job | 0 | 0 | 8 | money +.05625 | money +.05625, energy -.15, social +.02, health -.03 | 8-18
Labor | 0 | 0 | 6 | money +.075 | money +.075, energy -.2, fitness -.05, health -.05, \
social +.01 | 8-18
Gym | .08 | .02667 | 4 | fitness +.075 | fitness +.075, energy -.08 | 6-22
Park | 0 | 0 | 3 | fitness +.05, social +.0375, mood +.0375 | fitness +.05, social +.0375, \
mood +.0375, energy -.15 | 6-22
"""
CASCADES = [
    ("satiation", "health", 0.004),
    ("satiation", "energy", 0.005),
    ("mood", "energy", 0.005),
    ("hygiene", "satiation", 0.002),
    ("hygiene", "fitness", 0.002),
    ("hygiene", "mood", 0.003),
    ("social", "mood", 0.004),
    ("hygiene", "health", 0.0005),
    ("hygiene", "energy", 0.0005),
    ("social", "energy", 0.0008),
]
GROUPS = (CASCADES[:3], CASCADES[3:7], CASCADES[7:])


class Place:
    def __init__(self, line: str) -> None:
        name, price, tick_price, ticks, per_tick, completion, hours = map(
            str.strip, line.split("|")
        )
        self.name = name
        self.price, self.tick_price, self.ticks = float(price), float(tick_price), int(ticks)
        self.per_tick, self.completion = effects(per_tick), effects(completion)
        self.opens, self.closes = map(int, hours.split("-"))

    def open_at(self, hour: int) -> bool:
        return self.opens <= hour < self.closes or self.opens <= hour + 24 < self.closes


def effects(text: str) -> dict[str, float]:
    pairs = (entry.split() for entry in text.split(","))
    return {name: float(amount) for name, amount in pairs}


PLACES = [Place(line) for line in TABLE.strip().splitlines()]


def clamp(value: float) -> float:
    return min(1.0, max(0.0, value))


class SlowTown:
    """One agent, set to a known state before each step.

    `empty` and `penny` stand for exactness: sums of floats are right to a millionth.
    """

    empty = penny = 1e-6

    def __init__(self, level: dict) -> None:
        self.level = level
        self.width, self.height = level["grid"]["width"], level["grid"]["height"]
        self.temporal = level["temporal"]["enabled"]
        self.active = set(level["active_meters"])
        self.places: dict[tuple[int, int], Place] = {}
        self.x = self.y = self.hour = self.progress = self.steps = 0
        self.meters: dict[str, float] = {}
        self.multiplier = 1.0

    @property
    def here(self) -> Place | None:
        return self.places.get((self.x, self.y))

    def open_here(self) -> bool:
        return self.here is not None and (not self.temporal or self.here.open_at(self.hour))

    def mask(self) -> list[bool]:
        edges = [self.y > 0, self.y < self.height - 1, self.x > 0, self.x < self.width - 1]
        legal = [*edges, self.open_here(), True, True, True]
        return [
            ok and name not in self.level["disabled_actions"]
            for ok, name in zip(legal, ACTIONS, strict=True)
        ]

    def change(self, name: str, amount: float) -> None:
        if name in self.active:
            self.meters[name] = clamp(self.meters[name] + amount)

    def step(self, action: str) -> dict:
        told = {"used": None, "completed": False, "poor": False}
        if action == "REST":
            self.change("energy", 0.002)
            self.change("mood", 0.01)
        if action == "MEDITATE":
            self.change("energy", -0.001)
            self.change("mood", 0.02)
        if action in ("UP", "DOWN", "LEFT", "RIGHT"):
            dx, dy = {"UP": (0, -1), "DOWN": (0, 1), "LEFT": (-1, 0), "RIGHT": (1, 0)}[action]
            self.x, self.y, self.progress = self.x + dx, self.y + dy, 0
            self.change("energy", -0.005)
        if action == "INTERACT":
            self.change("energy", -0.005)
            self.interact(told)
        self.fall()
        told["died"] = any(
            name in self.active and self.meters[name] <= self.empty for name in ("energy", "health")
        )
        self.steps += 1
        told["retired"] = self.steps >= self.level["max_steps"] and not told["died"]
        if self.temporal:
            self.hour = (self.hour + 1) % 24
            if not self.open_here():
                self.progress = 0
        return told

    def interact(self, told: dict) -> None:
        place = self.here
        price = place.tick_price if self.temporal else place.price
        if "money" in self.active and self.meters["money"] + self.penny < price:
            told["poor"] = True
            return
        told["used"] = place.name
        change = {"money": -price}
        times = 1 if self.temporal else place.ticks
        for name, amount in place.per_tick.items():
            change[name] = change.get(name, 0.0) + amount * times
        self.progress += times
        if self.progress == place.ticks:
            told["completed"] = True
            self.progress = 0
            for name, amount in place.completion.items():
                change[name] = change.get(name, 0.0) + amount
        for name, amount in change.items():
            self.change(name, amount)

    def fall(self) -> None:
        for name in METERS:
            self.change(name, -self.level["base_losses"][name] * self.multiplier)
        self.change("health", -0.001 * (0.5 + 2.5 * (1 - self.meters["fitness"])))
        for group in GROUPS:
            before = dict(self.meters)
            for source, target, strength in group:
                if source in self.active and before[source] < 0.3:
                    self.change(target, -strength * (0.3 - before[source]) / 0.3)
