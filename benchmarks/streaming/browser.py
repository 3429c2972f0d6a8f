"""One real browser that watches a run, and what it says of each episode."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from benchmarks.peers import missing

try:
    from playwright.sync_api import Page, sync_playwright
except ModuleNotFoundError as error:
    raise missing(error) from None

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 900}
READY_TIMEOUT_MS = 180_000
CLOCK_SAMPLES = 20
NOW = "(performance.timeOrigin + performance.now()) / 1000"


class BrowserWatcher:
    """Context manager: Chromium on the page of one run, which follows the newest episode."""

    def __init__(self, url: str, path: str, cookie: str) -> None:
        self.url, self.path = url, path
        pairs = (part.split("=", 1) for part in cookie.split("; "))
        self._cookies = [{"name": name, "value": value, "url": url} for name, value in pairs]
        self._timings: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> BrowserWatcher:
        self._playwright = sync_playwright().start()
        # Chromium's own sandbox refuses root; the page is ours.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=find_chromium(), args=arguments
            )
            self.page = self._open_page()
        except BaseException:
            self._playwright.stop()
            raise
        self.clock_ahead_s = clock_ahead(self.page)
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()

    def _open_page(self) -> Page:
        context = self._browser.new_context(viewport=SIZE)
        context.add_cookies(self._cookies)
        page = context.new_page()
        page.goto(self.url + self.path, timeout=READY_TIMEOUT_MS)
        # The page says itself that its socket is open; its policy forbids waiting by script.
        page.locator('[data-health="state"][data-state="open"]').wait_for(timeout=READY_TIMEOUT_MS)
        return page

    def collect(self) -> None:
        """Take over what the page has noted so far; it keeps the last 200 episodes only."""
        for timing in self.page.evaluate("hamletLive.episodes"):
            self._timings[timing["episode"]] = timing

    def watch_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.page.wait_for_timeout(min(left, 2.0) * 1000)
            self.collect()

    def timings(self) -> list[dict[str, Any]]:
        """{episode, ended_at, received_at, drawn_at} by this machine's clock; drawn_at is None
        where the next episode came before the first frame of this one."""
        self.collect()
        return [self._corrected(timing) for _, timing in sorted(self._timings.items())]

    def _corrected(self, timing: dict[str, Any]) -> dict[str, Any]:
        mine = {
            name: timing[name] and timing[name] - self.clock_ahead_s
            for name in ("received_at", "drawn_at")
        }
        return {**timing, **mine}


def clock_ahead(page: Page) -> float:
    """Seconds that the page's clock is ahead of ours: the sample with the shortest round trip."""
    samples = []
    for _ in range(CLOCK_SAMPLES):
        before = time.time()
        theirs = page.evaluate(NOW)
        after = time.time()
        samples.append((after - before, theirs - (before + after) / 2))
    return min(samples)[1]


def find_chromium() -> str:
    """The browser's path: CHROMIUM, or the first of NAMES on PATH. Raises: SystemExit."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(
            f"No browser: none of {', '.join(NAMES)} on PATH. Install one with "
            "`apt-get install chromium`, or name it in CHROMIUM."
        )
    return found
