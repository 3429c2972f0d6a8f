"""Who answers the same question: we, the floor, and the peers, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.serving.load import ask, request_bytes, run
from benchmarks.serving.networks import body
from benchmarks.serving.servers import Server
from benchmarks.serving.site import ALIAS, QUIET, TOWN, UVICORN, ServingSite

OURS, WEB = "ours, uvicorn", "ours, in the web process (daphne)"
FLOOR, FASTAPI, MLFLOW, BENTOML = (
    *("floor: bare ASGI, uvicorn", "FastAPI, uvicorn"),
    *("mlflow models serve", "BentoML"),
)
# What each imports, and what the figures depend on.
NEEDS: dict[str, tuple[str, ...]] = {
    FLOOR: ("uvicorn", "onnxruntime", "orjson"),
    FASTAPI: ("fastapi", "uvicorn", "onnxruntime", "pydantic"),
    MLFLOW: ("mlflow", "uvicorn", "onnxruntime", "onnx"),
    BENTOML: ("bentoml", "onnxruntime"),
}
MOST_DIFFERENCE = 1e-5
ALONE = {  # peers that would write to somebody's home or to their makers
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "UVICORN_ACCESS_LOG": "false",  # of the uvicorn that mlflow starts
}
VERSIONS = """
import importlib.metadata as found, json, platform, sys
versions = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        versions[name] = found.version(name)
    except found.PackageNotFoundError:
        pass
print(json.dumps(versions))
"""


@dataclass
class Contestant:
    """Attributes:
    path, body: of the question. outputs_at: the keys that lead to the outputs in an answer.
    """

    server: Server
    path: str
    body: bytes
    outputs_at: tuple[str, ...]
    secret: str

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def url(self) -> str:
        return self.server.url + self.path

    @property
    def request(self) -> bytes:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return request_bytes(self.url, self.body, headers)

    def check(self, expected: Mapping[str, np.ndarray]) -> None:
        """Raises: SystemExit unless it gives the answer of ONNX Runtime itself."""
        with self.server.turn():
            status, answer = run(ask(self.url, self.request))
        if status != 200:
            raise SystemExit(f"{self.name} answers {status}: {answer[:2000].decode()}")
        outputs = json.loads(answer)
        for key in self.outputs_at:
            outputs = outputs[key]
        for name, values in expected.items():
            found = np.asarray(outputs[name])
            if found.shape != values.shape or np.abs(found - values).max() > MOST_DIFFERENCE:
                raise SystemExit(f"{self.name} gives {name} = {found}; expected {values}")


def versions_of(python: Path) -> dict[str, str]:
    """Versions of what the peers need, as another Python has them; what it lacks is not there."""
    wanted = sorted({name for names in NEEDS.values() for name in (*names, "uvloop", "httptools")})
    done = subprocess.run(
        [str(python), "-c", VERSIONS, *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"--peer-python {python}: it does not run: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def missing_peers(versions: Mapping[str, str]) -> dict[str, list[str]]:
    """Peers that cannot run, with the packages that they lack."""
    lacks = {
        peer: [name for name in names if name not in versions] for peer, names in NEEDS.items()
    }
    return {peer: names for peer, names in lacks.items() if names}


def contestants(
    site: ServingSite, file: Path, inputs: Mapping[str, Any], python: Path, present: set[str]
) -> list[Contestant]:
    """Args: file: the ONNX file that all of them run. present: peers to set up."""
    asked = body(TOWN, ALIAS, inputs)
    ours = [
        Contestant(server, "/api/v1/predict", asked, ("outputs",), site.secret)
        for server in (site.serving_process(), site.web_process(site.cores.server))
    ]
    environment = peer_environment(site, file, python)
    if MLFLOW in present:
        save_for_mlflow(site, python, environment)
    peers = []
    for name, (command, path, content, outputs_at) in questions(site, inputs, python).items():
        if name in present:
            log = site.log(f"peer-{list(NEEDS).index(name)}")
            server = Server(name, command, site.cores.server, log, READY[name], environment)
            peers.append(Contestant(server, path, content, outputs_at, site.secret))
    return ours + peers


def peer_environment(site: ServingSite, file: Path, python: Path) -> dict[str, str]:
    return {
        **ALONE,
        "BENCHMARK_MODEL": str(file),
        "BENCHMARK_TOKEN": site.secret,
        "BENTOML_HOME": str(site.folder / "bentoml"),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",  # mlflow starts bare `uvicorn`
        "PYTHONPATH": str(ROOT),
    }


Asked = tuple[tuple[str, ...], str, bytes, tuple[str, ...]]


def questions(site: ServingSite, inputs: Mapping[str, Any], python: Path) -> dict[str, Asked]:
    """Of each peer: its command, the path and body of the question, where the outputs stand."""
    asked = json.dumps({"inputs": inputs}).encode()
    uvicorn = (str(python), *UVICORN, *QUIET)
    bare = (*uvicorn, "benchmarks.peers.bare_asgi:application")
    fastapi = (*uvicorn, "benchmarks.peers.fastapi_app:application")
    return {
        FLOOR: (bare, "/", asked, ("outputs",)),
        FASTAPI: (fastapi, "/predict", asked, ("outputs",)),
        MLFLOW: (mlflow_command(site, python), "/invocations", asked, ("predictions",)),
        BENTOML: (bentoml_command(python), "/predict", json.dumps(inputs).encode(), ()),
    }


READY = {FLOOR: "/", FASTAPI: "/ready", MLFLOW: "/ping", BENTOML: "/readyz"}


def mlflow_command(site: ServingSite, python: Path) -> tuple[str, ...]:
    return (
        *(
            str(python),
            "-m",
            "mlflow",
            "models",
            "serve",
            "--model-uri",
            str(site.folder / "mlflow"),
        ),
        *("--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--env-manager", "local"),
    )


def bentoml_command(python: Path) -> tuple[str, ...]:
    return (
        *(str(python), "-m", "bentoml", "serve", "benchmarks.peers.bento_service:Town"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    )


def save_for_mlflow(site: ServingSite, python: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [str(python), "-m", "benchmarks.peers.mlflow_peer", str(site.folder / "mlflow")],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"mlflow does not take the model:\n{done.stderr[-3000:]}")


def own_answer(file: Path, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What ONNX Runtime itself says."""
    os.environ["BENCHMARK_MODEL"] = str(file)
    from benchmarks.peers.onnx_session import OnnxSession

    return OnnxSession().run(inputs)


def our_python() -> Path:
    return Path(sys.executable)
