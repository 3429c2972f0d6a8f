"""Windows of episodes: where they begin, what is burn-in, what is padding.

Step t of an episode has the observation t, the hidden state t and the reward t, so that every
stored number says where it came from.
"""

from __future__ import annotations

import pytest
import torch

from hamlet.errors import CheckpointError
from hamlet.learning.sequences import SequenceReplay, Windows
from tests.learning.small_worlds import collected, layout_of, same

HIDDEN = (1, 2)


def replay(
    *, burn_in: int = 8, sequence_length: int = 16, envs: int = 1, capacity: int = 800
) -> SequenceReplay:
    return SequenceReplay(
        capacity,
        layout_of(1),
        envs,
        HIDDEN,
        burn_in=burn_in,
        sequence_length=sequence_length,
    )


def live_through(
    memory: SequenceReplay, steps: int, *, died: bool = True, first: int = 0, end: bool = True
) -> None:
    """One environment lives `steps` steps; the last ends the episode unless `end` is false."""
    for t in range(first, steps):
        last = torch.tensor([end and t == steps - 1])
        hidden = torch.full((1, 1, 2), float(t))
        memory.add(
            collected(
                1,
                1,
                observations=torch.full((1, 1), float(t)),
                next_observations=torch.full((1, 1), float(t + 1)),
                extrinsic=torch.tensor([float(t)]),
                terminated=last & died,
                truncated=last & (not died),
            ),
            (hidden, -hidden),
        )


def window(memory: SequenceReplay, row: int) -> Windows:
    return memory.rows(torch.tensor([row]))


def trained(memory: SequenceReplay, row: int) -> list[int]:
    """The steps of the episode that a window trains on."""
    found = window(memory, row)
    return found.extrinsic[found.valid].int().tolist()


def test_windows_train_on_stretches_that_begin_every_eight_steps() -> None:
    memory = replay()
    live_through(memory, 40)
    assert [trained(memory, row)[0] for row in range(len(memory))] == [0, 8, 16, 24]
    assert trained(memory, 1) == list(range(8, 24))


def test_every_step_of_an_episode_is_trained_on() -> None:
    for steps in (1, 7, 8, 15, 16, 17, 24, 31, 33, 50):
        memory = replay()
        live_through(memory, steps)
        seen = {step for row in range(len(memory)) for step in trained(memory, row)}
        assert seen == set(range(steps)), steps


def test_the_first_window_starts_at_the_episode_start_without_burn_in() -> None:
    memory = replay()
    live_through(memory, 30)
    first = window(memory, 0)
    assert not first.burned.item()
    assert not first.valid[:8].any()
    assert first.observations[8:, 0, 0].tolist() == list(range(17))
    # Its hidden state belongs to its first trained step: step 0.
    assert first.h.flatten().tolist() == [0.0, 0.0]


def test_later_windows_are_burned_in_from_the_state_stored_before_their_first_step() -> None:
    memory = replay()
    live_through(memory, 40)
    third = window(memory, 2)
    assert third.burned.item()
    assert third.observations[:, 0, 0].tolist() == list(range(8, 33))
    assert third.h.flatten().tolist() == [8.0, 8.0]
    assert third.c.flatten().tolist() == [-8.0, -8.0]
    assert third.valid.flatten().tolist() == [False] * 8 + [True] * 16


def test_a_burn_in_longer_than_the_stride_waits_until_it_is_full() -> None:
    memory = replay(burn_in=12)
    live_through(memory, 40)
    flags = [window(memory, row).burned.item() for row in range(3)]
    assert flags == [False, False, True]
    # The second window trains from step 8, has only 8 steps before it, and starts from state 8.
    assert window(memory, 1).h.flatten().tolist() == [8.0, 8.0]
    assert trained(memory, 1)[0] == 8
    # The third trains from step 16 with steps 4 to 15 before it.
    assert window(memory, 2).h.flatten().tolist() == [4.0, 4.0]


def test_the_end_of_an_episode_is_padded_and_the_padding_is_not_trained_on() -> None:
    memory = replay()
    live_through(memory, 5)
    only = window(memory, 0)
    assert only.valid.flatten().tolist() == [False] * 8 + [True] * 5 + [False] * 11
    assert only.terminated[12].item()
    # The observation that followed the last step is kept for its target.
    assert only.observations[13].item() == 5.0


def test_truncated_episodes_keep_their_last_observation_and_are_not_called_dead() -> None:
    memory = replay()
    live_through(memory, 20, died=False)
    last = window(memory, len(memory) - 1)
    end = int(last.valid.flatten().nonzero()[-1])
    assert last.truncated[end].item()
    assert not last.terminated.any()
    assert last.observations[end + 1].item() == 20.0


def test_an_episode_after_another_starts_afresh() -> None:
    memory = replay()
    live_through(memory, 20)
    before = len(memory)
    live_through(memory, 3)
    newest = window(memory, before)
    assert not newest.burned.item()
    assert newest.extrinsic[newest.valid].tolist() == [0.0, 1.0, 2.0]


def test_environments_fill_their_own_windows() -> None:
    memory = replay(envs=2, burn_in=2, sequence_length=4)
    for t in range(4):
        ends = torch.tensor([t == 1, False])
        hidden = torch.zeros(1, 2, 2)
        rewards = torch.tensor([float(t), float(100 + t)])
        memory.add(collected(2, 1, extrinsic=rewards, terminated=ends), (hidden, hidden))
    rows = memory.rows(torch.arange(len(memory)))
    assert rows.env_rows.tolist() == [0, 1]
    assert rows.extrinsic[:, 0][rows.valid[:, 0]].tolist() == [0.0, 1.0]
    assert rows.extrinsic[:, 1][rows.valid[:, 1]].tolist() == [100.0, 101.0, 102.0, 103.0]


def test_capacity_counts_steps_and_the_oldest_windows_give_way() -> None:
    memory = replay(capacity=24)
    assert memory.windows == 3
    live_through(memory, 48)
    assert len(memory) == 3
    starts = sorted(trained(memory, row)[0] for row in range(3))
    assert starts == [16, 24, 32]


def test_saved_windows_and_those_being_filled_come_back() -> None:
    memory = replay(capacity=80)
    live_through(memory, 30, end=False)
    again = replay(capacity=80)
    again.load_state_dict(memory.state_dict())
    assert same(again.state_dict(), memory.state_dict())
    for one in (memory, again):
        live_through(one, 40, first=30)
    assert same(again.state_dict(), memory.state_dict())


def test_state_of_other_windows_is_refused() -> None:
    memory = replay()
    live_through(memory, 30)
    with pytest.raises(CheckpointError, match="other settings"):
        replay(burn_in=4).load_state_dict(memory.state_dict())
