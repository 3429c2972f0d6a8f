"""Micro-batching: joined answers are the single ones, a bad row harms nobody, queues end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hamlet.errors import InputError
from hamlet.export import export_onnx
from hamlet.model import HamletModel
from hamlet.onnx_model import OnnxModel
from registry.serving.batching import MOST_INLINE_S, Batcher
from registry.serving.engines import LoadedModel, by_onnx, by_torch
from registry.serving.errors import TooBusyError
from registry.serving.inputs import Question
from registry.serving.joining import run_together
from tests.registry.checkpoints import DENSE, RECURRENT, make_model


def by_engine(model: HamletModel, engine: str, tmp_path) -> LoadedModel:
    if engine == "pytorch":
        return LoadedModel(model.signature(), engine, by_torch(model), model.weight_bytes)
    export_onnx(model, tmp_path / "model.onnx")
    onnx = OnnxModel.load_from_file(tmp_path / "model.onnx")
    return LoadedModel(onnx.signature(), engine, by_onnx(onnx), onnx.weight_bytes)


def question(model: HamletModel, seed: int, rows: int = 1, **others: np.ndarray) -> Question:
    numbers = np.random.default_rng(seed).normal(size=(rows, model.network.layout.size))
    return Question({"observation": numbers.astype(np.float32), **others}, rows)


@pytest.mark.parametrize("engine", ["pytorch", "onnxruntime"])
@pytest.mark.parametrize("brain", [DENSE, RECURRENT])
def test_joined_answers_equal_single_ones(tmp_path, engine, brain):
    home = make_model(brain)
    model = by_engine(home, engine, tmp_path)
    mask = np.zeros((2, 8), bool)
    mask[:, 5] = True
    questions = [question(home, 0), question(home, 1, 3), question(home, 2, 2, action_mask=mask)]
    if brain == RECURRENT:
        state = np.random.default_rng(9).normal(size=(2, 1, 3, 6)).astype(np.float32)
        questions.append(question(home, 3, 3, hidden_h=state[0], hidden_c=state[1]))
    together = run_together(model, questions)
    for asked, joined in zip(questions, together, strict=True):
        alone = model.run(asked.arrays)
        assert set(joined) == set(alone)
        for name, array in alone.items():
            assert joined[name].shape == array.shape
            assert np.allclose(joined[name], array, rtol=1e-5, atol=1e-6), name
    assert together[2]["actions"].tolist() == [5, 5]


def test_row_whose_answer_is_not_finite_fails_alone(tmp_path):
    home = make_model()
    model = by_engine(home, "pytorch", tmp_path)
    huge = Question({"observation": np.full((1, 38), 3e38, np.float32)}, 1)
    first, bad, last = run_together(model, [question(home, 0), huge, question(home, 1)])
    assert isinstance(bad, InputError)
    assert np.isfinite(first["q_values"]).all()
    assert np.array_equal(last["q_values"], model.run(question(home, 1).arrays)["q_values"])


class HeldModel(LoadedModel):
    """A real model whose runs can be held back, so that a queue forms; remembers their rows."""

    def __init__(self, home: HamletModel) -> None:
        self.go, self.began = threading.Event(), threading.Event()
        self.go.set()
        self.runs: list[int] = []
        run = by_torch(home)

        def held(arrays):
            self.runs.append(len(arrays["observation"]))
            self.began.set()
            assert self.go.wait(30)
            return run(arrays)

        super().__init__(home.signature(), "pytorch", held, home.weight_bytes)
        self.runs.clear()
        self.began.clear()
        self._run_s, self._row_s = 2 * MOST_INLINE_S, 0.0  # as if it were a slow one


@pytest.fixture
def home() -> HamletModel:
    return make_model()


@pytest.fixture
def held(home) -> HeldModel:
    return HeldModel(home)


def on_loop(work: Callable) -> None:
    asyncio.run(work())


def test_what_comes_while_the_model_is_busy_runs_together(home, held):
    async def work() -> None:
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(held, threads, most_waiting=100)
            held.go.clear()
            first = asyncio.create_task(batcher.ask(question(home, 0)))
            await asyncio.to_thread(held.began.wait, 30)
            others = [asyncio.create_task(batcher.ask(question(home, n, 2))) for n in range(1, 8)]
            await asyncio.sleep(0)
            held.go.set()
            answers = [await one for one in (first, *others)]
        assert held.runs == [1, 14]
        assert [ran.batch_rows for ran in answers] == [1, *[14] * 7]
        for number, ran in enumerate(answers):
            alone = home.run(question(home, number, 2 if number else 1).arrays)
            assert np.allclose(ran.outputs["q_values"], alone["q_values"], rtol=1e-5, atol=1e-6)
        assert answers[1].queue_s > 0

    on_loop(work)


def test_full_queue_refuses_at_once_and_says_when_to_come_back(home, held):
    async def work() -> None:
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(held, threads, most_waiting=3)
            held.go.clear()
            asked = [asyncio.create_task(batcher.ask(question(home, 0)))]
            await asyncio.to_thread(held.began.wait, 30)
            asked += [asyncio.create_task(batcher.ask(question(home, n))) for n in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(TooBusyError, match="3 requests wait") as refused:
                await batcher.ask(question(home, 9))
            assert refused.value.retry_after_s >= 1
            held.go.set()
            assert len([await one for one in asked]) == 4

    on_loop(work)


def test_who_leaves_is_dropped_from_the_batch(home, held):
    async def work() -> None:
        with ThreadPoolExecutor(1) as threads:
            batcher = Batcher(held, threads, most_waiting=10)
            held.go.clear()
            first = asyncio.create_task(batcher.ask(question(home, 0)))
            await asyncio.to_thread(held.began.wait, 30)
            others = [asyncio.create_task(batcher.ask(question(home, n))) for n in range(4)]
            await asyncio.sleep(0)
            others[1].cancel()
            others[2].cancel()
            await asyncio.sleep(0)
            held.go.set()
            await asyncio.gather(first, others[0], others[3])
        assert held.runs == [1, 2]

    on_loop(work)


def test_fast_model_answers_without_a_thread(home):
    async def work() -> None:
        model = LoadedModel(home.signature(), "pytorch", by_torch(home), home.weight_bytes)
        model._run_s, model._row_s = MOST_INLINE_S / 10, 0.0
        batcher = Batcher(model, ThreadPoolExecutor(1), most_waiting=1)
        assert batcher.try_now(question(home, 0)).batch_rows == 1
        model._row_s = MOST_INLINE_S
        assert batcher.try_now(question(home, 0, 8)) is None

    on_loop(work)
