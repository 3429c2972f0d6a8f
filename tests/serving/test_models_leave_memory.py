"""What leaves the pool leaves memory, and its queue with it."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from hamletweb.serving import runner
from hamletweb.serving.runner import Serving
from hamletweb.serving.steps import RequestRunner
from registry.serving.engines import load_servable
from registry.serving.inputs import read_question
from registry.serving.pool import ModelPool
from registry.serving.targets import target_of

pytestmark = pytest.mark.usefixtures("transactional_db", "redis_url")
ZEROS = {"inputs": {"observation": [[0.0] * 38]}}


async def until_gone(model: weakref.ref) -> None:
    """Its thread lets go of it when it gets a core."""
    async with asyncio.timeout(60):
        while model() is not None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("onnx", [False, True])
def test_model_that_was_asked_and_evicted_is_gone(register, monkeypatch, onnx):
    versions = [register(seed=seed, onnx=onnx) for seed in range(2)]
    targets = [target_of(version) for version in versions]
    pool = ModelPool(load_servable, capacity_bytes=2**30, most_models=1)
    monkeypatch.setattr(runner, "shared_pool", lambda: pool)

    async def ask(serving: Serving, target) -> weakref.ref:
        asking = RequestRunner(serving, asyncio.Event().wait)
        model = await asking.load(target)
        model._run_s = 1.0  # as if it were slow: with a queue and a thread
        await asking.run(target, model, read_question(target.signature, ZEROS))
        assert len(serving._batchers) == 1
        return weakref.ref(model)

    async def work() -> None:
        serving = Serving()
        gc.disable()  # nobody may have to come by for it
        try:
            first = await ask(serving, targets[0])
            await RequestRunner(serving, None).load(targets[1])
            await until_gone(first)
            assert len(serving._batchers) == 0
        finally:
            gc.enable()
            await serving.stop()

    asyncio.run(work())
