"""How long somebody waits who starts the platform for the first time."""

from __future__ import annotations

from benchmarks.measuring import Spread
from benchmarks.report import Table, verdict
from benchmarks.streaming.browser import BrowserWatcher
from benchmarks.streaming.site import Site

FIRST_EPISODE_GOAL_S = 15.0
LONGEST_WAIT_S = 120.0
LOOK_EVERY_S = 0.5


def first_start(site: Site, cookie: str) -> Table:
    """From `manage.py up` in an empty folder to the first episode in a browser.

    Raises: SystemExit if the run that `up` queues shows nothing for two minutes.
    """
    run = site.call("GET", "runs")["items"][0]["id"]
    drawn_at = None
    with BrowserWatcher(site.url, f"/runs/{run}/", cookie) as browser:
        waited_s = 0.0
        while drawn_at is None and waited_s < LONGEST_WAIT_S:
            browser.watch_for(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S
            drawn = (timing["drawn_at"] for timing in browser.timings())
            drawn_at = min(filter(None, drawn), default=None)
    if drawn_at is None:
        raise SystemExit(f"run {run} showed no episode within {LONGEST_WAIT_S:g} s")
    shown = Spread((drawn_at - site.ready_at,), "s")
    table = Table("The first start, in an empty folder")
    table.rows += [
        {"what": "from `manage.py up` to ready", "seconds": site.ready_at - site.began_at},
        {
            "what": "from ready to the first episode in a browser",
            "seconds": shown,
            "goal": verdict(shown, FIRST_EPISODE_GOAL_S, at_most=True),
        },
    ]
    table.notes = ["once; the browser is started and signed in within this time too"]
    return table
