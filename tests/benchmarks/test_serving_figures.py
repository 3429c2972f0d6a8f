"""How the serving benchmark asks, counts and judges."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.machine import ROOT
from benchmarks.measuring import Spread
from benchmarks.serving.batching import highest
from benchmarks.serving.contestants import BENTOML, FASTAPI, MLFLOW, OURS, missing_peers
from benchmarks.serving.load import (
    LOST,
    Load,
    ask,
    read_answer,
    request_bytes,
    run,
    send_load,
    spread_ms,
)
from benchmarks.serving.profiling import ELSEWHERE, layer_of
from benchmarks.serving.sampling import begin, end
from benchmarks.serving.single import Turns, judge
from benchmarks.serving.swapping import Watch, zero
from tests.benchmarks.answering import PLAIN, Answering


def test_an_answer_is_read_once_it_is_whole():
    assert read_answer(PLAIN) == (200, b"body")
    assert all(read_answer(PLAIN[:end]) is None for end in range(len(PLAIN)))


def test_an_answer_in_chunks_is_joined():
    head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert read_answer(head + b"4\r\nbo\r\n\r\n2\r\ndy\r\n") is None
    assert read_answer(head + b"4\r\nbo\r\n\r\n2\r\ndy\r\n0\r\n\r\n") == (201, b"bo\r\ndy")


def test_one_question_is_sent_as_it_stands():
    async def work():
        async with Answering(PLAIN) as server:
            request = request_bytes(server.url, b'{"a": 1}', {"Authorization": "Bearer x"})
            return await ask(server.url, request), server.head, server.body, server.asked

    assert run(work()) == ((200, b"body"), b"POST /here HTTP/1.1\r\n", b'{"a": 1}', 1)


def test_no_answer_at_all_is_an_error():
    async def work():
        async with Answering(None) as server:
            await ask(server.url, request_bytes(server.url, b"{}"))

    with pytest.raises(ConnectionError, match="without an answer"):
        run(work())


def test_refusals_and_broken_connections_are_counted_and_are_no_latencies():
    busy = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

    async def work():
        async with Answering(PLAIN, busy, None, PLAIN) as server:
            stop = asyncio.Event()

            def see(status, body, began, ended):
                if server.asked >= 6:
                    stop.set()

            request = request_bytes(server.url, b"{}")
            load = await send_load(
                *(server.url, request),
                connections=1,
                seconds=60,
                warm_up_s=0.0,
                see=see,
                stop=stop,
            )
            return load, server

    load, server = run(work())
    assert load.statuses == Counter({200: 4, 429: 1, LOST: 1})
    assert (len(load.latencies_s), load.errors, server.connections) == (4, 2, 2)
    assert 0 < load.elapsed_s < 30  # not the 60 s that it was allowed


def test_answers_of_the_warm_up_do_not_count():
    async def work():
        async with Answering(PLAIN) as server:
            request = request_bytes(server.url, b"{}")
            load = await send_load(
                *(server.url, request), connections=2, seconds=0.0, warm_up_s=0.05
            )
            return load.latencies_s, server.asked

    latencies, asked = run(work())
    assert latencies == []
    assert asked >= 2


def load(latencies_ms, *, refused=0, elapsed_s=1.0):
    statuses = Counter({200: len(latencies_ms), 429: refused})
    return Load(sorted(each / 1000 for each in latencies_ms), statuses, elapsed_s)


def test_a_load_without_a_good_answer_has_no_percentile():
    assert spread_ms([load([1, 2, 3]), load([4])], 50).values == (2.0, 4.0)
    assert spread_ms([load([1, 2, 3]), load([], refused=9)], 50) is None


def test_the_highest_throughput_is_of_those_below_the_bound_alone():
    slow, fast, late = load([4] * 10), load([9] * 30), load([30] * 90)
    assert highest([slow, fast, late], 20.0) == 30.0
    assert highest([late], 20.0) == 0.0


def test_a_peer_is_missing_with_the_packages_that_it_lacks():
    versions = {"uvicorn": "1", "onnxruntime": "1", "orjson": "1", "fastapi": "1", "pydantic": "2"}
    assert missing_peers(versions) == {MLFLOW: ["mlflow", "onnx"], BENTOML: ["bentoml"]}


def taken_turns(per_second, *, latency_ms=2.0, refused=0):
    turns = Turns(8)
    turns.per_second = {name: Spread((speed,)) for name, speed in per_second.items()}
    turns.loads[OURS] = [load([latency_ms] * 10, refused=refused)]
    return turns


def verdicts(turns, missing):
    return {row["what"]: row["goal"] for row in judge([turns], missing).rows}


def test_goals_are_met_by_figures_and_never_by_a_peer_that_is_missing():
    turns = taken_turns({OURS: 900.0, FASTAPI: 1000.0, MLFLOW: 300.0})
    said = verdicts(turns, {BENTOML: ["bentoml"]})
    assert said == {
        "ours, p50 in ms, 8 at once": "goal <= 5: met",
        "ours, p99 in ms, 8 at once": "goal <= 20: met",
        f"ours / {FASTAPI}, 8 at once": "goal >= 1: NOT met",
        f"ours / {MLFLOW}, 8 at once": "goal >= 3: met",
        f"ours / {BENTOML}, 8 at once": "NOT met: not installed: bentoml",
        "ours, errors, 8 at once": "goal 0: met",
    }


def test_refused_requests_miss_the_goal_of_no_errors():
    said = verdicts(
        taken_turns({OURS: 1.0, FASTAPI: 1.0, MLFLOW: 0.0, BENTOML: 1.0}, refused=1), {}
    )
    assert said["ours, errors, 8 at once"] == "goal 0: NOT met"
    assert said[f"ours / {MLFLOW}, 8 at once"] == "NOT met: nothing was answered"


def saw(watch, version, outputs, began, ended):
    content = json.dumps({"version": version, "outputs": outputs}).encode()
    watch.see(200, content, began, ended)


def test_an_answer_must_be_exactly_that_of_the_version_it_names():
    watch = Watch({"1.0.0": {"q": [1.5]}, "1.0.1": {"q": [2.5]}})
    saw(watch, "1.0.0", {"q": [1.5]}, 0, 1)
    saw(watch, "1.0.1", {"q": [1.5]}, 1, 2)  # of the other one
    saw(watch, "1.0.2", {"q": [2.5]}, 2, 3)  # of one that nobody knows
    watch.see(503, b"", 3, 4)
    assert (watch.wrong, watch.failed, len(watch.seen)) == (2, Counter({503: 1}), 3)


def test_a_move_is_late_by_the_last_answer_of_the_version_before():
    watch = Watch({"a": {}, "b": {}}, moves=[(10.0, "b"), (20.0, "a"), (30.0, "b")])
    for version, ended in (("a", 9), ("a", 10.5), ("b", 10.2), ("b", 19), ("a", 20.1), ("b", 31)):
        saw(watch, version, {}, ended - 0.1, ended)
    assert watch.delays_ms() == [500.0, 0.0]


def test_nothing_tried_is_never_a_pass():
    assert zero(0, 5) == "goal 0: met"
    assert zero(1, 5) == zero(0, 0) == "goal 0: NOT met"


def test_the_innermost_frame_of_a_known_file_names_the_layer():
    stack = [
        "/lib/python3/enum.py:__and__",
        "/app/registry/limits/leases.py:try_take",
        "/app/hamletweb/serving/front.py:_reply",
        "/lib/uvicorn/protocols/http/httptools_impl.py:run_asgi",
    ]
    assert layer_of(stack) == ("token and its limit", stack[1])
    assert layer_of(stack[2:]) == ("steps between", stack[2])
    assert layer_of(stack[:1]) == (ELSEWHERE, stack[0])


def test_sampling_finds_what_burns_the_time():
    import time

    def burn():
        until = time.process_time() + 0.1
        while time.process_time() < until:
            sum(range(100))

    begin()
    burn()
    found = json.loads(end())
    mine = sum(count for stack, count in found["stacks"].items() if ":burn" in stack)
    assert mine > 0.5 * sum(found["stacks"].values()) > 0
    assert found["threads"]["MainThread"] >= 0.05


@pytest.mark.slow(expected_s=150)
@pytest.mark.timeout(900)
def test_serving(tmp_path):
    file = Path(tmp_path / "serving.json")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--quick", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    peers_missing = "not installed" in done.stdout
    assert done.returncode == (3 if peers_missing else 0), done.stderr[-3000:]
    tables = {table["title"]: table["rows"] for table in json.loads(file.read_text())["tables"]}
    first = tables["Single predictions, 1 at once"]
    assert [row["server"] for row in first[:2]] == [OURS, "ours, in the web process (daphne)"]
    assert all(row["errors"] == 0 for row in first[:2])
    swap = {
        row["what"]: row["goal"]
        for row in tables["Hot swap: an alias moved 4 times, 8 connections"]
    }
    assert swap["failed requests"] == "goal 0: met"
    assert swap["answers that are not their version's own"] == "goal 0: met"
    apart = tables["Micro-batching, residual tower: batched answers against single ones"]
    assert [row["goal"] for row in apart] == ["goal <= 1e-05: met"] * 2
