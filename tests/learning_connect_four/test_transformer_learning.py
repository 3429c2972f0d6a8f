"""That a Transformer learns: a task for which it needs its positions, and endings by the solver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hamlet.datasets.rows import empty_rows
from hamlet.envs.connect_four.planes import planes_of
from hamlet.learning.connect_four.transformer import TransformerTrainer
from tests.learning_connect_four.endings import (
    Ending,
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)
from tests.learning_connect_four.given_datasets import stored
from tests.learning_connect_four.small_transformers import transformer_run
from tests.learning_connect_four.whole_runs import finish

NET = {"layers": 2, "width": 64, "heads": 4, "feedforward": 128, "head_hidden": 128, "dropout": 0.0}


@pytest.fixture(autouse=True)
def _one_core():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lone_stones() -> np.ndarray:
    """One stone at the bottom of each column: play on top of it."""
    rows = empty_rows(7)
    for column in range(7):
        rows["occupied"][column] = 1 << (7 * column)
        rows["policy"][column, column] = 1.0
    return rows


def chances_after(dataset, files, *, positions: bool) -> torch.Tensor:
    """[7]: what it gives the right column of each board, once fitted."""
    spec = transformer_run(
        None,
        {**NET, "positions": positions},
        dataset=dataset,
        epochs=6,
        batch_size=56,
        learning_rate=0.003,
        validation_split=0.0,
    )
    trainer = TransformerTrainer(spec, files=files)
    finish(trainer)
    rows = lone_stones()
    own, occupied = (torch.from_numpy(rows[name].copy()) for name in ("own", "occupied"))
    with torch.no_grad():
        logits, _ = trainer.best_network()(planes_of(own, occupied))
    return logits.softmax(dim=1).diagonal()


def test_it_needs_its_positions_to_know_where_a_stone_stands(tmp_path: Path) -> None:
    dataset, files = stored(tmp_path, np.concatenate([lone_stones()] * 128))
    without, along = (
        chances_after(dataset, files, positions=positions) for positions in (False, True)
    )

    # Without positions all seven boards look alike, so that their chances share one sum of 1.
    assert float(without.sum()) == pytest.approx(1.0, abs=1e-3)
    assert float(along.min()) > 0.9


def value_error(network: torch.nn.Module, endings: list[Ending]) -> float:
    own = torch.tensor([ending.position.own for ending in endings])
    occupied = torch.tensor([ending.position.occupied for ending in endings])
    with torch.no_grad():
        _, value = network(planes_of(own, occupied))
    best = torch.tensor([float(ending.best) for ending in endings])
    return float((value.squeeze(1) - best).square().mean())


def trained_on(endings: list[Ending], labels: str, *, seed: int, epochs: int, **expert) -> tuple:
    """Returns: (the trainer, mistake rate and value error before)."""
    starts = [ending.moves for ending in endings]
    settings = {"labels": labels, "starts": starts, "positions": 512, "buffer": 2048, "passes": 2.0}
    spec = transformer_run(
        {**settings, "parallel_games": 16, **expert},
        {
            **NET,
            "mirror_weight": 0.0,
            "search": {"simulations": 64, "transposition": True, "temperature": {"plies": 42}},
        },
        seed=seed,
        epochs=epochs,
        batch_size=32,
        optimizer="adamw",
        scheduler="cosine",
        value_target="mixed",
    )
    trainer = TransformerTrainer(spec)
    before = mistake_rate(trainer.network, endings), value_error(trainer.network, endings)
    finish(trainer)
    return trainer, before


@pytest.mark.timeout(600)
def test_it_learns_endings_from_the_solver() -> None:
    """About 30 seconds of one core."""
    endings = decisive_endings(24, seed=1)
    trainer, (rate, error) = trained_on(endings, "solver", seed=0, epochs=9)
    after = mistake_rate(trainer.best_network(), endings)

    assert after <= rate / 2
    assert after < centre_first_mistake_rate(endings)
    assert value_error(trainer.best_network(), endings) < 0.7 * error


@pytest.mark.slow(expected_s=120)
def test_it_learns_endings_from_its_own_search() -> None:
    """About a minute of one core."""
    endings = decisive_endings(24, seed=1)
    trainer, (rate, error) = trained_on(endings, "search", seed=0, epochs=9)
    after = mistake_rate(trainer.best_network(), endings)

    assert after <= rate / 2
    assert after < centre_first_mistake_rate(endings)
    assert value_error(trainer.best_network(), endings) < 0.7 * error
