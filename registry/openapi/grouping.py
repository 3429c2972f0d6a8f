"""Which part of the API an operation belongs to; the order is that of the page."""

from __future__ import annotations

import re

# (name, what it is for, addresses); the first that fits counts.
GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        "Predictions",
        "Ask a model, or several at once; look up what answered a request.",
        r"/api/v1/predict(/ensemble)?|/api/v1/predictions.*",
    ),
    (
        "Jobs",
        "Work that takes longer than a request: queued, kept, done by a worker.",
        r"/api/v1/predict/jobs|/api/v1/jobs.*|/api/v1/workers|/api/v1/status",
    ),
    (
        "Open Inference Protocol v2",
        "For standard clients such as tritonclient.",
        r"/v2.*",
    ),
    (
        "Aliases",
        "Movable names for versions, and what they named when.",
        r".*/(aliases(/.*)?|alias-moves|live)|/api/v1/(deploy|rollback)/.*",
    ),
    (
        "Bundles, retention and deletion",
        "Take models to another server, put old versions away, delete for good.",
        r"/api/v1/bundles|.*/bundle|.*/retention|.*/deletion",
    ),
    (
        "Versions",
        "Registered files: never changed, checked, described, exported, compared.",
        r".*/versions(/.*)?|/api/v1/(compare|upload)",
    ),
    ("Models", "Names under which versions are kept.", r"/api/v1/(models|performance).*"),
    ("Brains", "What a network looks like and how it learns, as YAML.", r"/api/v1/brains.*"),
    (
        "Runs",
        "Train, steer and look at what was learned.",
        r"/api/v1/(train.*|runs.*|hypersearch.*|compare/runs|systems.*)",
    ),
    (
        "Games and datasets",
        "Record, play, rate and analyse games; make datasets of them to learn from.",
        r"/api/v1/(games|datasets|selfplay|tournaments|league)(/.*)?",
    ),
    (
        "Webhooks and audit",
        "Be told what happens, and look up who did what.",
        r"/api/v1/(webhooks|deliveries|audit).*",
    ),
)
OTHER = ("Other", "What fits nowhere else.")


def group_of(path: str) -> str:
    return next((name for name, _, pattern in GROUPS if re.fullmatch(pattern, path)), OTHER[0])


def tags(used: set[str]) -> list[dict[str, str]]:
    """The document's `tags`: those that have operations, in order."""
    known = [*((name, words) for name, words, _ in GROUPS), OTHER]
    return [{"name": name, "description": words} for name, words in known if name in used]
