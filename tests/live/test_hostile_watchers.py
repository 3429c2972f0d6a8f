"""Watchers who send rubbish, flood, or do not read harm nobody but themselves."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from live.protocol import BATCH_STEPS, TOO_LARGE, TOO_MUCH, WINDOW_BYTES, WINDOW_MESSAGES
from tests.live import episodes
from tests.live.watching import Watch
from training.models import Run

Open = Callable[..., Watch]


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        '{"type": 7}',
        '{"type": "play", "x": 1}',
        "[" * 2000,
        b"\xff\x00",
    ],
)
def test_rubbish_is_answered_with_an_error_and_the_line_stays(watch: Open, rubbish: str | bytes):
    socket = watch()
    socket.send_text(rubbish)
    assert socket.until("error")["text"]
    socket.answers_only("metrics", "status")


def test_too_long_a_message_ends_the_connection(watch: Open):
    socket = watch()
    socket.until("connected")
    socket.send_text(json.dumps({"type": "ping", "sent": 0, "padding": "x" * 5000}))
    assert socket.closed_with() == TOO_LARGE


def test_burst_is_refused_in_words_and_a_flood_ends_the_connection(watch: Open):
    patient, flooding = watch(), watch()
    flooding.until("connected")
    for _ in range(400):
        flooding.send("follow_latest")
    assert flooding.closed_with() == TOO_MUCH
    assert any("slow down" in m.get("text", "") for m in flooding.seen if m["type"] == "error")
    patient.answers_only("connected", "metrics", "status")


def test_acknowledging_the_future_is_an_error(watch: Open):
    socket = watch()
    socket.send("ack", seq=10**6)
    assert "1000000" in socket.until("error")["text"]


def test_who_never_reads_hurts_nobody(watch: Open, run: Run):
    """Its line fills up; the others get every episode meanwhile."""
    deaf, attentive = watch(acknowledges=False), watch()
    attentive.until("connected")
    for number in range(1, 41):
        episodes.publish(run, episodes.make_episode(number, steps=5 * BATCH_STEPS))
        assert attentive.episode(number)[0]["skipped"] == 0
    got = deaf_messages(deaf)
    assert len(got) <= WINDOW_MESSAGES
    assert sum(map(len, got)) < WINDOW_BYTES + 2**16


def test_who_reads_again_goes_on_with_the_newest_and_learns_what_was_skipped(watch: Open, run: Run):
    slow, attentive = watch(acknowledges=False), watch()
    attentive.until("connected")
    for number in range(1, 31):
        episodes.publish(run, episodes.make_episode(number, steps=5 * BATCH_STEPS))
        attentive.episode(number)
    got = [json.loads(text) for text in deaf_messages(slow)]
    slow.acknowledges = True
    slow.send("ack", seq=got[-1]["seq"])
    start = slow.until("episode_start", lambda message: message["episode_id"] == 30)
    shown = {m["episode_id"] for m in [*got, *slow.seen] if m["type"] == "episode_start"}
    assert start["skipped"] == 30 - len(shown)
    assert start["skipped"] >= 15


def deaf_messages(socket: Watch) -> list[str]:
    """What lies in the line of a socket that nobody has read. A ping is answered last of all,
    but only a window that is open lets the answer through: so read until nothing comes."""
    found = []
    while True:
        try:
            found.append(socket.connection.recv(timeout=0.5))
        except TimeoutError:
            return found
