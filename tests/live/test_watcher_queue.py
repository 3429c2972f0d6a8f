"""What waits for one watcher is bounded, and the newest wins."""

from __future__ import annotations

import json

from live.encoding import LIVE, encode_for_watchers, message
from live.protocol import (
    BATCH_STEPS,
    QUEUE_CAPACITY,
    STALLED_AFTER_S,
    WINDOW_BYTES,
    WINDOW_MESSAGES,
)
from live.watcher import STALE_AFTER_S, Watcher
from tests.live.episodes import make_episode


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def episode(number: int = 1, steps: int = 10):
    return encode_for_watchers(make_episode(number, steps), LIVE)


def sent_by(watcher: Watcher, acknowledging: bool = True) -> list[dict]:
    """Everything that the watcher would get now."""
    found = []
    while (text := watcher.next_text()) is not None:
        found.append(json.loads(text))
        if acknowledging:
            watcher.acknowledge(found[-1]["seq"])
    return found


def numbers(messages: list[dict]) -> list[int]:
    return [message["episode_id"] for message in messages if message["type"] == "episode_start"]


def test_watcher_who_keeps_pace_gets_every_episode_in_order():
    watcher = Watcher()
    found = []
    for number in range(1, 31):
        watcher.offer(episode(number))
        found += sent_by(watcher)
    assert numbers(found) == list(range(1, 31))
    assert watcher.skipped == 0
    assert [message["seq"] for message in found] == list(range(1, len(found) + 1))


def test_full_queue_gives_up_its_oldest_and_counts_it():
    watcher = Watcher()
    for number in range(1, QUEUE_CAPACITY + 6):
        watcher.offer(episode(number))
    found = sent_by(watcher)
    assert numbers(found) == list(range(6, QUEUE_CAPACITY + 6))
    assert watcher.skipped == 5
    assert found[0]["skipped"] == 5


def test_episode_that_waited_long_gives_way_to_a_newer_one():
    clock = Clock()
    watcher = Watcher(clock)
    watcher.offer(episode(1))
    watcher.offer(episode(2))
    clock.now += STALE_AFTER_S + 0.1
    watcher.offer(episode(3))
    assert numbers(sent_by(watcher)) == [3]
    assert watcher.skipped == 2


def test_nothing_is_sent_while_too_many_messages_are_on_the_way():
    watcher = Watcher()
    watcher.offer(episode(1, steps=100 * BATCH_STEPS))
    found = sent_by(watcher, acknowledging=False)
    on_the_way = sum(len(json.dumps(message)) for message in found)
    assert 1 < len(found) <= WINDOW_MESSAGES
    assert on_the_way < WINDOW_BYTES + 64 * 1024
    assert watcher.next_text() is None

    watcher.acknowledge(found[-1]["seq"])
    assert watcher.next_text() is not None


def test_many_small_messages_close_the_window_by_their_number():
    watcher = Watcher()
    for number in range(WINDOW_MESSAGES + 5):
        watcher.reply(message("pong", sent=number, at=0.0))
    assert len(sent_by(watcher, acknowledging=False)) == WINDOW_MESSAGES


def test_watcher_who_reads_nothing_for_long_is_stalled():
    clock = Clock()
    watcher = Watcher(clock)
    watcher.offer(episode(1, steps=100 * BATCH_STEPS))
    first = sent_by(watcher, acknowledging=False)[0]
    clock.now += STALLED_AFTER_S + 1
    assert watcher.stalled
    watcher.acknowledge(first["seq"])
    assert not watcher.stalled


def test_watcher_with_nothing_on_the_way_is_never_stalled():
    clock = Clock()
    watcher = Watcher(clock)
    watcher.offer(episode(1))
    sent_by(watcher)
    clock.now += 10 * STALLED_AFTER_S
    assert not watcher.stalled


def test_acknowledging_what_was_never_sent_is_noticed():
    watcher = Watcher()
    watcher.offer(episode(1))
    last = sent_by(watcher)[-1]["seq"]
    assert not watcher.acknowledge(last + 1)
    assert watcher.acknowledge(last)


def test_only_the_newest_notice_of_a_kind_is_sent():
    watcher = Watcher()
    for done in range(5):
        watcher.notify("status", message("status", done=done))
    assert [message["done"] for message in sent_by(watcher)] == [4]


def test_notices_do_not_wait_behind_queued_episodes():
    watcher = Watcher()
    watcher.offer(episode(1))
    watcher.offer(episode(2))
    watcher.notify("status", message("status", done=1))
    kinds = [message["type"] for message in sent_by(watcher)]
    assert kinds.index("status") < kinds.index("episode_start", 1)


def test_holding_keeps_new_episodes_back_and_resuming_lets_the_next_one_through():
    watcher = Watcher()
    watcher.hold()
    watcher.offer(episode(1))
    assert sent_by(watcher) == []
    watcher.resume()
    assert sent_by(watcher) == [], "what ended meanwhile stays away until somebody asks"
    watcher.offer(episode(2))
    assert numbers(sent_by(watcher)) == [2]


def test_following_begins_with_the_newest_and_sends_nothing_twice():
    watcher = Watcher()
    newest = episode(7)
    watcher.follow(newest)
    watcher.follow(newest)
    assert numbers(sent_by(watcher)) == [7]
    watcher.follow(newest)
    assert sent_by(watcher) == []


def test_replay_holds_live_episodes_back_until_they_are_asked_for():
    watcher = Watcher()
    watcher.offer(episode(9))
    sent_by(watcher)
    watcher.replay(episode(3))
    watcher.offer(episode(10))
    watcher.resume()
    watcher.offer(episode(11))
    assert numbers(sent_by(watcher)) == [3]
    watcher.follow(episode(11))
    assert numbers(sent_by(watcher)) == [11]


def test_only_what_has_just_ended_counts_as_fresh():
    watcher = Watcher()
    watcher.follow(episode(1))
    kept = sent_by(watcher)[0]
    watcher.offer(episode(2))
    just_ended = sent_by(watcher)[0]
    assert (kept["fresh"], just_ended["fresh"]) == (False, True)


def test_seeking_sends_the_wanted_batch_first_and_each_batch_once():
    watcher = Watcher()
    watcher.show(episode(1, steps=6 * BATCH_STEPS))
    first = json.loads(watcher.next_text())
    assert first["type"] == "episode_start"
    watcher.seek(4 * BATCH_STEPS + 3)
    begins = [message["from"] for message in sent_by(watcher) if message["type"] == "state_update"]
    assert begins == [batch * BATCH_STEPS for batch in (4, 5, 0, 1, 2, 3)]


def test_seeking_beyond_the_end_loses_no_batch():
    watcher = Watcher()
    watcher.show(episode(1, steps=2 * BATCH_STEPS))
    watcher.seek(999_999)
    assert [message["type"] for message in sent_by(watcher)].count("state_update") == 2


def test_asking_without_reading_ends_in_an_overflow_instead_of_memory():
    watcher = Watcher()
    for number in range(500):
        watcher.reply(message("pong", sent=number, at=0.0))
    assert watcher.overflowed
    assert len(sent_by(watcher)) < 100
