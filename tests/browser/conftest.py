"""People at a real browser. Every test fails on an error in its console."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from registry.models import User
from tests.live.conftest import _wait_until, run  # noqa: F401 - fixtures
from tests.live.watching import cookie_of

PATIENCE_MS = 60_000
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


class Visits:
    """Opens pages as somebody and notes what the console complains about."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self.browser, self.base_url = browser, base_url
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def open(self, user: User | None, **options: object) -> Page:
        """A page of a new browser session, signed in as this person."""
        options = {"viewport": DESKTOP, **options}
        context = self.browser.new_context(base_url=self.base_url, **options)
        if user is not None:
            name, _, value = cookie_of(user).partition("=")
            context.add_cookies([{"name": name, "value": value, "url": self.base_url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(words in complaint for words in self.expected)
        ]


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def visits(chromium: Browser, web_server: str) -> Iterator[Visits]:
    found = Visits(chromium, web_server)
    yield found
    assert not found.unexpected(), "the console complained"


@pytest.fixture
def open_run(visits: Visits, run, student: User) -> Callable[..., Page]:  # noqa: F811
    """The page of the watched run, with its connection open."""

    def open_page(user: User = student, query: str = "", **options: object) -> Page:
        page = visits.open(user, **options)
        page.goto(f"/runs/{run.pk}/{query}")
        expect(page.locator('[data-health="state"]')).to_have_text("connected")
        return page

    return open_page
