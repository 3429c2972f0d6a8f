"""Messages on the run's channel: numbered, never blocking, and without watchers hardly any."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from hamlet.recording import Episode, decode_episode
from tests.training.runs import wait_until
from training import events
from training.events import Message
from training.streaming import RunPublisher

pytestmark = pytest.mark.usefixtures("redis_url")


@pytest.fixture
def run_id() -> object:
    return uuid4()


class Watcher:
    """What the page's process does: subscribe, and keep what comes."""

    def __init__(self, url: str, run_id: object) -> None:
        self.messages: list[Message] = []
        self._subscription = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
        self._subscription.subscribe(events.run_channel(run_id))
        self._subscription.get_message(timeout=5)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            message = self._subscription.get_message(timeout=0.05)
            if message:
                self.messages.append(events.decode_message(message["data"]))

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message.kind == kind]

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._subscription.close()


@pytest.fixture
def watcher(redis_url: str, run_id: object) -> Iterator[Watcher]:
    watcher = Watcher(redis_url, run_id)
    yield watcher
    watcher.close()


def episode(number: int, steps: int = 3) -> Episode:
    return Episode(number, {"epsilon": 0.5}, {"x": [1] * steps}, {"reason": "end"}, time.time())


def kept(run_id: object) -> Message | None:
    data = events.client().get(events.latest_episode_key(run_id))
    return events.decode_message(data) if data else None


def test_a_message_comes_back_as_it_was_sent(run_id, watcher: Watcher) -> None:
    body = b"line\nfeed\n\x00"
    events.send(run_id, events.encode_message("episode", body, dropped=4))
    message = wait_until(lambda: watcher.messages and watcher.messages[0])
    assert (message.kind, message.seq, message.dropped, message.body) == ("episode", 1, 4, body)
    assert abs(time.time() - message.sent_at) < 60


def test_messages_of_a_run_are_numbered_without_gaps_whoever_sends(run_id, watcher) -> None:
    def send() -> None:
        for _ in range(25):
            events.publish_news(run_id)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(watcher.messages) == 100)
    assert [message.seq for message in watcher.messages] == list(range(1, 101))


@pytest.mark.parametrize("data", [b"", b"7", b"7\n{}", b"x\n{}\n{}", b"7\nnot json\n"])
def test_other_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        events.decode_message(data)


def test_a_watcher_gets_every_episode_that_comes_at_its_pace(run_id, watcher: Watcher) -> None:
    with RunPublisher(run_id) as publisher:
        for number in (1, 2, 3):
            publisher.episode(episode(number))
            wait_until(lambda number=number: len(watcher.of("episode")) == number)
        assert publisher.dropped == 0
    bodies = [decode_episode(message.body) for message in watcher.of("episode")]
    assert [body.number for body in bodies] == [1, 2, 3]
    assert bodies[0].columns == {"x": [1, 1, 1]}


def test_episodes_that_come_too_fast_give_way_and_are_counted(run_id, watcher: Watcher) -> None:
    with RunPublisher(run_id, dropped_before=1000) as publisher:
        for number in range(1, 201):
            publisher.episode(episode(number, steps=2000))
        wait_until(lambda: any(decode_episode(m.body).number == 200 for m in watcher.of("episode")))
        dropped = publisher.dropped
    sent = watcher.of("episode")
    assert len(sent) + dropped - 1000 == 200
    assert sent[-1].dropped == dropped > 1100


def test_offering_an_episode_takes_no_time_even_when_the_server_hangs(run_id, settings) -> None:
    with RunPublisher(run_id) as publisher:
        events.client().execute_command("CLIENT", "PAUSE", "1500", "ALL")
        began = time.perf_counter()
        for number in range(1, 1001):
            publisher.episode(episode(number))
        spent_s = time.perf_counter() - began
    # A thousand offers in less time than the server takes to answer one.
    assert spent_s < 1.0


def test_without_watchers_only_a_newest_episode_is_kept_for_joiners(run_id) -> None:
    with RunPublisher(run_id) as publisher:
        publisher.episode(episode(1))
        wait_until(lambda: kept(run_id))
        for number in range(2, 51):
            publisher.episode(episode(number))
            publisher.written()
    assert decode_episode(kept(run_id).body).number == 50
    # Of fifty episodes within a second the first and, at the end, the last were written.
    assert kept(run_id).seq == 2
    assert events.client().ttl(events.latest_episode_key(run_id)) > 3000
    assert publisher.dropped == 0


def test_watchers_hear_that_rows_were_written(run_id, watcher: Watcher) -> None:
    with RunPublisher(run_id) as publisher:
        for told in (1, 2):
            publisher.written()
            wait_until(lambda told=told: len(watcher.of("news")) == told)
    assert [message.body for message in watcher.messages] == [b"", b""]


def test_a_server_that_is_away_is_logged_once_and_found_again(
    run_id, watcher: Watcher, monkeypatch, caplog
) -> None:
    monkeypatch.setattr("training.streaming.RETRY_AFTER_S", 0.05)
    events.sent_again()
    working = events.client()
    away = redis.Redis(port=1, socket_connect_timeout=0.1)
    monkeypatch.setattr(events, "client", lambda: away)
    with RunPublisher(run_id) as publisher:
        for number in (1, 2, 3):
            publisher.episode(episode(number))
            wait_until(lambda: "watchers get no messages" in caplog.text)
        monkeypatch.setattr(events, "client", lambda: working)
        wait_until(lambda: publisher.episode(episode(4)) or watcher.of("episode"))
    assert caplog.text.count("watchers get no messages") == 1
    assert events.publish_news(run_id) is None


def test_a_broken_episode_does_not_end_the_stream(run_id, watcher: Watcher, caplog) -> None:
    with RunPublisher(run_id) as publisher:
        publisher.episode(Episode(1, {"what": object()}, {}, {}, time.time()))
        wait_until(lambda: "could not be shown" in caplog.text)
        publisher.episode(episode(2))
        wait_until(lambda: watcher.of("episode"))
