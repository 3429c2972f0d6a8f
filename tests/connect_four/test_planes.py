"""What networks are shown: stones of the mover, of the opponent, and whose turn it is."""

import numpy as np
import torch

from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.planes import fill_planes, mirrored_columns, planes_of
from hamlet.envs.connect_four.position import Position
from hamlet.layout import ObservationLayout
from tests.connect_four.positions import random_positions


def tensors(positions: list[Position]) -> tuple[torch.Tensor, torch.Tensor]:
    own = torch.tensor([position.own for position in positions])
    return own, torch.tensor([position.occupied for position in positions])


def planes_by_hand(board: list[list[int]], player: int) -> np.ndarray:
    planes = np.zeros((3, 6, 7), np.float32)
    for row in range(6):
        for column in range(7):
            planes[0, row, column] = board[row][column] == player
            planes[1, row, column] = board[row][column] == 3 - player
            planes[2, row, column] = player == 1
    return planes


def test_planes_show_the_board_as_the_mover_sees_it():
    positions = random_positions(200, seed=1)
    planes = planes_of(*tensors(positions))
    assert planes.dtype == torch.float32
    assert planes.shape == (200, 3, 6, 7)
    for index, position in enumerate(positions):
        expected = planes_by_hand(position.board(), position.player)
        assert np.array_equal(planes[index].numpy(), expected)


def test_compiled_planes_are_those_of_torch():
    own, occupied = tensors(random_positions(300, seed=2))
    out = np.full((300, 3, 6, 7), 9, np.float32)
    fill_planes(own.numpy(), occupied.numpy(), out)
    assert np.array_equal(out, planes_of(own, occupied).numpy())


def test_swapping_colours_and_turn_changes_plane_two_alone():
    for position in random_positions(50, seed=3):
        board = position.board()
        swapped = [[(3 - cell) if cell else 0 for cell in row] for row in board]
        own, occupied = tensors([position])
        before = planes_of(own, occupied)
        after = planes_of(own, occupied, torch.tensor([position.player == 2]))
        # The mover's stones of the swapped board, which has the other side to move.
        assert np.array_equal(after[0].numpy(), planes_by_hand(swapped, 3 - position.player))
        assert torch.equal(before[:, :2], after[:, :2])
        assert torch.equal(before[:, 2], 1 - after[:, 2])


def test_mirror_image_has_the_mirrored_planes():
    positions = random_positions(50, seed=4)
    image = planes_of(*tensors([position.mirror() for position in positions]))
    assert torch.equal(image, mirrored_columns(planes_of(*tensors(positions))))


def test_layout_names_the_planes_and_the_columns_as_people_count_them():
    assert LAYOUT.group("board").shape == (3, 6, 7)
    assert LAYOUT.size == 126
    assert LAYOUT.actions == tuple(f"column_{number}" for number in range(1, 8))
    assert ObservationLayout.from_data(LAYOUT.to_data()) == LAYOUT
