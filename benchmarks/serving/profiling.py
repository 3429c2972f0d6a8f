"""Where the time of one answer goes: ours beside the floor's, layer by layer."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import Table
from benchmarks.serving.contestants import OURS, Contestant
from benchmarks.serving.load import Load, ask, request_bytes, run, send_load
from benchmarks.serving.networks import body, town_question
from benchmarks.serving.sampling import BEGIN, END, SEPARATOR
from benchmarks.serving.servers import Server, running
from benchmarks.serving.single import Turns
from benchmarks.serving.site import ALIAS, QUIET, SERVING, TOWN, UVICORN, ServingSite

CONNECTIONS = 8
SAMPLED = "benchmarks.serving.sampled:application"
FLOOR = "benchmarks.peers.bare_asgi:application"
# The first that stands in a frame, the innermost frame first, names the layer.
LAYERS = (
    ("registry/serving/log/", "prediction log"),
    ("registry/limits/", "token and its limit"),
    ("registry/serving/callers.py", "token and its limit"),
    ("hamletweb/serving/fresh.py", "look-ups of caller and version"),
    ("registry/serving/targets.py", "look-ups of caller and version"),
    ("prometheus_client/", "metrics"),
    ("hamletweb/health/", "metrics"),
    ("front.py:count", "metrics"),
    ("onnx_model.py", "run"),
    ("onnxruntime/", "run"),
    ("registry/serving/batching.py", "run"),
    ("registry/serving/joining.py", "run"),
    ("registry/serving/bodies.py", "read the body as JSON"),
    ("registry/bodies.py", "read the body as JSON"),
    ("plain_inputs.py", "from JSON to arrays"),
    ("registry/serving/inputs.py", "from JSON to arrays"),
    ("peers/onnx_session.py:<dictcomp>", "from JSON to arrays"),
    ("peers/onnx_session.py", "run"),
    ("prediction.py:encode", "write the answer"),
    ("prediction.py:exact", "write the answer"),
    ("prediction.py:describe_target", "write the answer"),
    ("prediction.py:action_names", "write the answer"),
    ("hamletweb/serving/outgoing.py", "send"),
    ("hamletweb/serving/incoming.py", "receive"),
    ("hamletweb/serving/", "steps between"),
    ("registry/serving/", "steps between"),
    ("hamletweb/asgi_serving.py", "steps between"),
    ("peers/bare_asgi.py", "read and write JSON, between"),
    ("uvicorn/", "uvicorn"),
    ("benchmarks/serving/sampl", "the sampling itself"),
)
WITHOUT: dict[str, dict[str, str]] = {
    OURS: {},
    "without the prediction log": {"HAMLET_PREDICTION_LOG": "off"},
    "with every payload in the log": {"HAMLET_PREDICTION_PAYLOADS": "1"},
}
ELSEWHERE = "event loop and others"


def profiling(site: ServingSite, file: Path, options: Namespace) -> list[Table]:
    inputs = town_question(options.level, options.seed)
    ours = sampled(site, SERVING, "ours, sampled")
    floor = sampled(site, FLOOR, "floor, sampled", BENCHMARK_MODEL=str(file))
    with running([ours, floor]):
        found = {
            "ours": Profile.of(ours, "/api/v1/predict", body(TOWN, ALIAS, inputs), site, options),
            "floor": Profile.of(floor, "/", json.dumps({"inputs": inputs}).encode(), site, options),
        }
    tables = [layer_table(found), function_table(found["ours"]), thread_table(found)]
    return [*tables, without_table(site, body(TOWN, ALIAS, inputs), options)]


def without_table(site: ServingSite, content: bytes, options: Namespace) -> Table:
    """What the service does beside answering, more of it and less."""
    servers = [
        site.serving_process(name=name, **environment) for name, environment in WITHOUT.items()
    ]
    found = [
        Contestant(server, "/api/v1/predict", content, ("outputs",), site.secret)
        for server in servers
    ]
    turns = Turns(CONNECTIONS)
    with running(servers):
        turns.take(found, options)
    return turns.table({}, "Ours with more or less to do")


def sampled(site: ServingSite, application: str, name: str, **environment: str) -> Server:
    command = (sys.executable, *UVICORN, *QUIET, SAMPLED)
    environment["BENCHMARK_APPLICATION"] = application
    log = site.log(name.replace(", ", "-"))
    return Server(name, command, site.cores.server, log, "/healthz", environment)


class Profile:
    """One load and what was sampled meanwhile.

    Attributes:
        us: microseconds of the main thread for one request, by layer. threads_us: by thread.
        functions_us: by the innermost function of the layers that are ours.
    """

    def __init__(self, load: Load, sampled: Mapping[str, Any]) -> None:
        answers = max(len(load.latencies_s), 1)
        self.load = load
        self.threads_us = {
            name: seconds * 1e6 / answers for name, seconds in sampled["threads"].items()
        }
        stacks, per_sample = sampled["stacks"], 0.0
        if stacks:
            per_sample = self.threads_us["MainThread"] / sum(stacks.values())
        self.us: Counter[str] = Counter()
        self.functions_us: Counter[tuple[str, str]] = Counter()
        for stack, count in stacks.items():
            layer, frame = layer_of(stack.split(SEPARATOR))
            self.us[layer] += count * per_sample
            self.functions_us[layer, short(frame)] += count * per_sample

    @classmethod
    def of(
        cls, server: Server, path: str, content: bytes, site: ServingSite, options: Namespace
    ) -> Profile:
        headers = {"Authorization": f"Bearer {site.secret}"}
        url = server.url + path
        asked = request_bytes(url, content, headers)

        async def measure() -> tuple[Load, bytes]:
            await send_load(
                url, asked, connections=CONNECTIONS, seconds=0.0, warm_up_s=options.warm_up
            )
            await ask(server.url + BEGIN, request_bytes(server.url + BEGIN, b""))
            load = await send_load(
                url, asked, connections=CONNECTIONS, seconds=options.seconds, warm_up_s=0.0
            )
            _, found = await ask(server.url + END, request_bytes(server.url + END, b""))
            return load, found

        with server.turn():
            load, found = run(measure())
        return cls(load, json.loads(found))


def layer_of(frames: list[str]) -> tuple[str, str]:
    """Returns: the layer, and the frame that names it."""
    for frame in frames:
        for sign, layer in LAYERS:
            if sign in frame:
                return layer, frame
    return ELSEWHERE, frames[0]


def short(frame: str) -> str:
    """`/.../registry/serving/edge.py:predict` as `serving/edge.py:predict`."""
    return "/".join(frame.split("/")[-2:])


def layer_table(found: Mapping[str, Profile]) -> Table:
    table = Table(f"Where the time goes, {CONNECTIONS} at once: main thread, us of CPU per request")
    ours, floor = found["ours"], found["floor"]
    layers = dict.fromkeys([*(layer for _, layer in LAYERS), ELSEWHERE])
    rows = [(layer, ours.us.get(layer, 0.0), floor.us.get(layer, 0.0)) for layer in layers]
    for layer, mine, theirs in sorted(rows, key=lambda row: row[2] - row[1]):
        if mine or theirs:
            table.rows.append(
                {"layer": layer, "ours": mine, "floor": theirs, "above the floor": mine - theirs}
            )
    mine, theirs = sum(ours.us.values()), sum(floor.us.values())
    table.rows.append(
        {"layer": "all", "ours": mine, "floor": theirs, "above the floor": mine - theirs}
    )
    table.notes = [
        "stacks sampled every millisecond of CPU time; C code counts where it was called from",
        f"while sampled: ours {ours.load}; floor {floor.load}",
    ]
    return table


def function_table(profile: Profile) -> Table:
    table = Table("Where our time goes: the functions that take the most")
    for (layer, function), us in profile.functions_us.most_common(20):
        table.rows.append({"function": function, "layer": layer, "us per request": us})
    return table


def thread_table(found: Mapping[str, Profile]) -> Table:
    table = Table("CPU time by thread, us per request")
    for name in sorted({name for profile in found.values() for name in profile.threads_us}):
        us = {who: profile.threads_us.get(name, 0.0) for who, profile in found.items()}
        if any(each >= 1 for each in us.values()):
            table.rows.append({"thread": name, **us})
    return table
