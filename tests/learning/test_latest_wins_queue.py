"""The queue to the watchers never holds training up."""

from __future__ import annotations

import threading
import time

from hamlet.recording import LatestWinsQueue


def test_items_come_out_in_order() -> None:
    queue: LatestWinsQueue[int] = LatestWinsQueue(3)
    for item in range(3):
        queue.put(item)
    assert [queue.get() for _ in range(4)] == [0, 1, 2, None]
    assert queue.dropped == 0


def test_when_full_the_oldest_goes_and_is_counted() -> None:
    queue: LatestWinsQueue[int] = LatestWinsQueue(10)
    for item in range(25):
        queue.put(item)
    assert len(queue) == 10
    assert queue.dropped == 15
    assert [queue.get() for _ in range(10)] == list(range(15, 25))


def test_nothing_is_dropped_while_the_consumer_keeps_pace() -> None:
    queue: LatestWinsQueue[int] = LatestWinsQueue(2)
    for item in range(100):
        queue.put(item)
        assert queue.get() == item
    assert queue.dropped == 0


def test_get_waits_for_an_item_of_another_thread() -> None:
    queue: LatestWinsQueue[str] = LatestWinsQueue()
    found: list[str | None] = []
    consumer = threading.Thread(target=lambda: found.append(queue.get(timeout_s=30.0)))
    consumer.start()
    queue.put("episode")
    consumer.join(timeout=30.0)
    assert found == ["episode"]


def test_get_gives_up_after_its_time() -> None:
    began = time.monotonic()
    assert LatestWinsQueue().get(timeout_s=0.02) is None
    assert time.monotonic() - began >= 0.02


def test_many_threads_lose_nothing_but_what_is_counted() -> None:
    queue: LatestWinsQueue[int] = LatestWinsQueue(10)
    taken: list[int] = []
    done = threading.Event()

    def consume() -> None:
        while not done.is_set() or len(queue):
            item = queue.get(timeout_s=0.01)
            if item is not None:
                taken.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    producers = [
        threading.Thread(target=lambda: [queue.put(item) for item in range(500)]) for _ in range(4)
    ]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    done.set()
    consumer.join(timeout=30.0)
    assert len(taken) + queue.dropped == 2000
