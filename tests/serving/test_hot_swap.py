"""The active version is swapped 50 times under load: nothing fails, nothing is mixed."""

from __future__ import annotations

import threading

import numpy as np

from hamlet.model import HamletModel
from registry.accounts.models import ApiToken
from registry.aliases.services import move_alias
from registry.artifacts.store import open_artifact
from tests.registry.checkpoints import observation
from tests.serving.asking import PREDICT

SWAPS = 50
CLIENTS = 4


def test_fifty_swaps_under_load(register, program, model, instructor):
    versions = [register(seed=0, onnx=True), register(seed=1)]
    homes = [
        HamletModel.load_from_checkpoint(open_artifact(version.artifact)) for version in versions
    ]
    obs = observation(homes[0])
    expected = {
        version.number: home.predict([obs])["q_values"].numpy()
        for version, home in zip(versions, homes, strict=True)
    }
    assert not np.allclose(*expected.values(), atol=1e-3), "the versions can be told apart"
    move_alias(model, "active", versions[0], instructor)
    # How fast it asks is no part of this.
    ApiToken.objects.update(requests_per_minute=0)
    body = {"model": "walker", "alias": "active", "inputs": {"observation": [obs]}}
    done = threading.Event()
    answers, failures = [], []

    def ask() -> None:
        while not done.is_set():
            told = program.ask(PREDICT, body)
            if told.status != 200:
                failures.append((told.status, told.body))
                continue
            answers.append((told.data["version"], told.data["outputs"]["q_values"]))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for swap in range(SWAPS):
        seen = len(answers)
        move_alias(model, "active", versions[(swap + 1) % 2], instructor)
        while len(answers) < seen + CLIENTS and not failures:
            done.wait(0.005)
    done.set()
    for client in clients:
        client.join()
    assert failures == []
    assert len(answers) >= SWAPS * CLIENTS
    assert {number for number, _ in answers} == set(expected)
    for number, q_values in answers:
        assert np.allclose(q_values, expected[number], rtol=1e-5, atol=1e-6), number
