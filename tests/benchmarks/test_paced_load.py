"""Requests at a pace are timed from when they were due."""

import asyncio

import pytest

from benchmarks.serving.load import request_bytes, run, send_load
from tests.benchmarks.answering import PLAIN, Answering


def paced(per_second, connections, *, answers):
    """The moments at which requests were due, of a load that ends after so many answers."""

    async def work():
        async with Answering(PLAIN) as server:
            stop, due = asyncio.Event(), []

            def see(status, body, began, ended):
                due.append(began)
                if len(due) >= answers:
                    stop.set()

            await send_load(
                *(server.url, request_bytes(server.url, b"{}")),
                connections=connections,
                seconds=60,
                warm_up_s=0.0,
                per_second=per_second,
                see=see,
                stop=stop,
            )
            return sorted(due)

    return run(work())


def test_paced_requests_are_due_at_even_distances_whatever_the_answers_take():
    due = paced(1000.0, 1, answers=20)
    steps = [late - early for early, late in zip(due, due[1:], strict=False)]
    assert steps == pytest.approx([0.001] * len(steps), abs=1e-9)


def test_connections_share_the_pace():
    due = paced(500.0, 4, answers=24)[:20]
    steps = [late - early for early, late in zip(due, due[4:], strict=False)]
    assert steps == pytest.approx([0.008] * len(steps), abs=1e-3)
