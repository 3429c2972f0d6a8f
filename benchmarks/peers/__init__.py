"""What we are measured against, set up as its own users would set it up."""

from __future__ import annotations


def missing(error: ModuleNotFoundError) -> SystemExit:
    """What to raise where a peer cannot be imported."""
    return SystemExit(
        f"This benchmark runs beside {error.name}, which is not installed here. Install the "
        "peers: pip install -r requirements-bench.txt"
    )
