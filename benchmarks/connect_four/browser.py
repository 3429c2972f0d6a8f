"""How long a network of Connect Four takes for a move in the browser.

    python -m benchmarks.connect_four.browser [--quick] [--json FILE]

Starts PostgreSQL, Valkey and the web process on 127.0.0.1, registers the `small` network of
`alphazero`, and lets the play page in Chromium ask its own worker for a move in positions of random
games. Timed is what a player waits for: from the question to the worker until its answer. Beside
it stands the bare call of ONNX Runtime in this process, one thread, on the same file.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from tqdm import tqdm

from benchmarks.command import begin, parser_for, positive
from benchmarks.connect_four.predict import bare, checkpoint, timed
from benchmarks.measuring import Spread, percentile
from benchmarks.report import Table, verdict
from benchmarks.serving.servers import Cores
from benchmarks.serving.site import ServingSite
from benchmarks.streaming.browser import READY_TIMEOUT_MS, SIZE, find_chromium
from hamlet.brains.presets import SMALL
from hamlet.envs.connect_four.position import Position

RAW_GOAL_MS = 50.0
ASK = """async ([games, simulations]) => {
  const script = document.querySelector("script[src*='connect_four/play']").src;
  const { WorkerThinker } = await import(script.replace("play", "thinkers"));
  const choice = Object.values(hamletPlay.choices)[0];
  window.benchmarkThinker ??= new WorkerThinker("/play/worker.js");
  const search = simulations ? { simulations } : null;
  const times = [];
  for (const moves of games) {
    const began = performance.now();
    await window.benchmarkThinker.think({ moves, choice, search }, () => {});
    times.push(performance.now() - began);
  }
  return times;
}"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("connect_four.browser", "A move in the browser.", rounds=5)
    parser.add_argument("--positions", type=positive, default=50)
    parser.add_argument("--simulations", type=int, nargs="+", default=[0, 25, 100])
    quick = {"positions": 3, "simulations": [0]}
    options, report = begin(parser, argv, quick=quick, packages=["onnxruntime", "playwright"])
    games = random_games(options.positions, options.seed)
    with ServingSite(Cores.split()) as site:
        _, file = site.register("benchmark-small", "connect_four", checkpoint(SMALL, options.seed))
        url = site.serve()
        beside = [timed(bare(file), 0.5).latencies_s for _ in range(options.rounds)]
        with play_page(url, session_of(site)) as page:
            page.evaluate(ASK, [games[:2], 0])  # loads the network
            found = measured(page, games, options)
    native = spread([[1000 * time for time in times] for times in beside], 50)
    table = Table("Milliseconds for a move in Chromium", [])
    for simulations, rounds in found.items():
        p50 = spread(rounds, 50)
        table.rows.append(
            {
                "simulations": simulations or "none, the network alone",
                "p50": p50,
                "p95": spread(rounds, 95),
                "goal": "-" if simulations else verdict(p50, RAW_GOAL_MS, at_most=True),
            }
        )
    table.notes.append(f"bare ONNX Runtime in this process, p50: {native.median:.2f} ms")
    table.notes.append("Chromium without a window on this machine, one thread of WebAssembly")
    report.add(table)
    report.end()
    return 0


def measured(page: Page, games: list[list[int]], options: Namespace) -> dict[int, list[Any]]:
    """Times in milliseconds, by simulations, of each round."""
    found: dict[int, list[Any]] = {count: [] for count in options.simulations}
    with tqdm(total=options.rounds * len(found), unit="turn", disable=None) as bar:
        for _ in range(options.rounds):
            for count, rounds in found.items():
                rounds.append(page.evaluate(ASK, [games, count]))
                bar.update()
    return found


def spread(rounds: Sequence[Sequence[float]], share: float) -> Spread:
    return Spread(tuple(percentile(times, share) for times in rounds), "ms")


def session_of(site: ServingSite) -> str:
    """Sign the benchmark's account in. Returns: the value of its session cookie."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(site.user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def play_page(url: str, session: str) -> Any:
    # Chromium's own sandbox refuses root; the page is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        context = browser.new_context(viewport=SIZE)
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/play/", timeout=READY_TIMEOUT_MS)
        page.locator("[data-play]").wait_for(timeout=READY_TIMEOUT_MS)
        yield page
        browser.close()


def random_games(count: int, seed: int) -> list[list[int]]:
    """Columns that lead to positions in which the game goes on."""
    generator, found = np.random.default_rng(seed), []
    while len(found) < count:
        position, moves = Position(), []
        for _ in range(int(generator.integers(0, 30))):
            if position.ended:
                break
            moves.append(int(generator.choice(position.legal_columns())))
            position = position.play(moves[-1])
        if not position.ended:
            found.append(moves)
    return found


if __name__ == "__main__":
    sys.exit(main())
