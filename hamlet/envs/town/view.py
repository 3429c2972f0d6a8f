"""The town of one row as plain data, for people who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hamlet.envs.town.tables import (
    ACTION_NAMES,
    AFFORDANCE_NAMES,
    AFFORDANCES,
    CASCADES,
    CRISIS,
    METER_ID,
    METER_NAMES,
    PIVOTAL,
)

if TYPE_CHECKING:
    from hamlet.envs.town.env import TownEnv


def snapshot(env: TownEnv, row: int) -> dict[str, Any]:
    """Where one agent stands now and how it is: what changes from step to step."""
    cell = int(env.cell[row])
    underfoot = int(env.ground[row, cell])
    return {
        "x": cell % env.level.width,
        "y": cell // env.level.width,
        "meters": env.meters[row].tolist(),
        "hour": int(env.hour[row]),
        "progress": int(env.progress[row]),
        "step": int(env.steps[row]),
        "underfoot": AFFORDANCE_NAMES[underfoot] if underfoot < len(AFFORDANCES) else None,
        "mask": env.action_mask[row].tolist(),
        "terminated": bool(env.terminated[row]),
        "truncated": bool(env.truncated[row]),
    }


def layout_of(env: TownEnv, row: int) -> dict[str, Any]:
    """What a player must know of an episode before its first step: what does not change in it."""
    level, places = env.level, env.places[row].tolist()
    standing = [
        {
            "id": kind,
            "name": affordance.name,
            "x": places[kind] % level.width,
            "y": places[kind] // level.width,
            "price": affordance.tick_price if level.temporal else affordance.price,
            "ticks": affordance.ticks if level.temporal else 1,
            "opens": affordance.opens if level.temporal else 0,
            "closes": affordance.closes if level.temporal else 24,
        }
        for kind, affordance in enumerate(AFFORDANCES)
        if places[kind] >= 0
    ]
    start = snapshot(env, row)
    active = env.active[row].tolist()
    return {
        "level": level.name,
        "grid": {"width": level.width, "height": level.height},
        "view": level.window or "full",
        "affordances": standing,
        "agent": {"x": start["x"], "y": start["y"]},
        "start_meters": start["meters"],
        "start_hour": start["hour"],
        "temporal": level.temporal,
        "meters": list(METER_NAMES),
        "active_meters": [name for name, on in zip(METER_NAMES, active, strict=True) if on],
        "crisis_threshold": CRISIS,
        "cascades": [
            {"source": c.source, "target": c.target, "strength": c.strength, "group": c.group}
            for c in CASCADES
        ],
        "actions": list(ACTION_NAMES),
        "max_steps": level.max_steps,
    }


def end_reason(env: TownEnv, row: int) -> str:
    """Why the row's episode ended: the meter that killed, `time limit`, or `running`."""
    if bool(env.truncated[row]):
        return "time limit"
    if not bool(env.terminated[row]):
        return "running"
    empty = [name for name in PIVOTAL if float(env.meters[row, METER_ID[name]]) <= 0]
    return " and ".join(empty)
