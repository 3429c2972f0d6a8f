"""Many games in tensors play exactly as the plain reference plays one."""

import pytest
import torch

from hamlet.envs.connect_four.batch import ConnectFourBatch
from hamlet.envs.connect_four.planes import mirrored_columns
from hamlet.envs.connect_four.position import IllegalMoveError, Position
from hamlet.errors import ShapeError
from tests.connect_four.positions import random_positions


def random_columns(batch: ConnectFourBatch, draw: torch.Generator) -> torch.Tensor:
    """A legal column of each running game; 0 for the others."""
    return (torch.rand(batch.num_games, 7, generator=draw) * batch.legal()).argmax(dim=1)


def played_out(num_games: int, seed: int) -> ConnectFourBatch:
    batch, draw = ConnectFourBatch(num_games), torch.Generator().manual_seed(seed)
    while not bool(batch.ended.all()):
        batch.step(random_columns(batch, draw))
    return batch


def columns_of(batch: ConnectFourBatch) -> list[list[int]]:
    return [[column for column in row if column >= 0] for row in batch.moves.tolist()]


def replayed(moves: str) -> ConnectFourBatch:
    batch = ConnectFourBatch(1)
    for digit in moves:
        batch.step(torch.tensor([int(digit) - 1]))
    return batch


def test_every_ply_of_2000_random_games_is_that_of_the_reference():
    batch, draw = ConnectFourBatch(2000), torch.Generator().manual_seed(1)
    positions = [Position()] * 2000
    while not bool(batch.ended.all()):
        columns = random_columns(batch, draw)
        ended, winner = batch.step(columns)
        for game, column in enumerate(columns.tolist()):
            if not positions[game].ended:
                positions[game] = positions[game].play(column)
        assert batch.own.tolist() == [position.own for position in positions]
        assert batch.occupied.tolist() == [position.occupied for position in positions]
        assert batch.legal().tolist() == [position.legal() for position in positions]
        assert ended.tolist() == [position.ended for position in positions]
        assert winner.tolist() == [position.winner for position in positions]


def test_100_000_random_games_end_as_the_reference_ends_them():
    batch = played_out(100_000, seed=2)
    own, occupied, winner = batch.own.tolist(), batch.occupied.tolist(), batch.winner.tolist()
    draws = 0
    for game, columns in enumerate(columns_of(batch)):
        # The reference refuses a move after the end, so it did not end any earlier either.
        position = Position.after(columns)
        assert position.ended
        assert (position.own, position.occupied) == (own[game], occupied[game])
        assert position.winner == winner[game]
        draws += position.winner == 0
    assert 100 < draws < 500  # of 100,000 random games, about 0.25 % fill the board


def test_planes_and_keys_are_those_of_the_positions():
    batch = ConnectFourBatch(64)
    draw = torch.Generator().manual_seed(3)
    for _ in range(9):
        batch.step(random_columns(batch, draw))
    positions = [Position.after(columns) for columns in columns_of(batch)]
    assert batch.keys().tolist() == [position.key for position in positions]
    assert batch.canonical_keys().tolist() == [position.canonical_key for position in positions]
    assert batch.ply().tolist() == [position.ply for position in positions]
    assert batch.player().tolist() == [position.player for position in positions]
    assert batch.planes().shape == (64, 3, 6, 7)


def test_finished_game_stays_as_it_is_while_others_go_on():
    batch = ConnectFourBatch(2)
    for column in (0, 1, 0, 1, 0, 1, 0):
        batch.step(torch.tensor([column, column]))
        batch.undo(torch.tensor([1]))
    before = {name: tensor[0].clone() for name, tensor in batch.state_dict().items()}
    ended, winner = batch.step(torch.tensor([-5, 3]))
    assert ended.tolist() == [True, False]
    assert winner.tolist() == [1, 0]
    assert batch.legal().tolist() == [[False] * 7, [True] * 7]
    for name, tensor in batch.state_dict().items():
        assert torch.equal(tensor[0], before[name])
    assert batch.plies.tolist() == [7, 1]


@pytest.mark.parametrize("column", [7, -1, 2**40])
def test_column_outside_the_board_names_the_game(column):
    batch = ConnectFourBatch(3)
    message = f"game 1: found column {column}; expected a whole number from 0 to 6"
    with pytest.raises(IllegalMoveError, match=message):
        batch.step(torch.tensor([0, column, 0]))
    assert batch.plies.tolist() == [0, 0, 0]  # nobody has moved


def test_full_column_names_the_game_and_what_is_open():
    batch = replayed("444444")
    with pytest.raises(
        IllegalMoveError, match=r"game 0: column 3 is full; Red may play 0, 1, 2, 4"
    ):
        batch.step(torch.tensor([3]))


@pytest.mark.parametrize(
    "columns", [torch.zeros(3, dtype=torch.int64), torch.zeros(2), torch.zeros(2).bool(), [0, 0]]
)
def test_other_shapes_and_types_of_columns_are_refused(columns):
    with pytest.raises(ShapeError, match=r"columns: found .* expected int64 \[2\]"):
        ConnectFourBatch(2).step(columns)


def test_undo_goes_back_through_every_position_of_a_game():
    batch, draw = ConnectFourBatch(200), torch.Generator().manual_seed(4)
    states = []
    for _ in range(20):
        states.append(batch.state_dict())
        batch.step(random_columns(batch, draw))
    running = ~states[-1]["ended"]
    for state in reversed(states):
        batch.undo(running)
        assert all(
            torch.equal(tensor[running], state[name][running])
            for name, tensor in batch.state_dict().items()
        )


def test_undo_lets_a_finished_game_go_on():
    batch = replayed("1212121")
    batch.undo()
    assert batch.ended.tolist() == [False]
    assert batch.legal().all()
    assert batch.step(torch.tensor([0]))[1].tolist() == [1]


def test_undo_without_a_move_names_the_game():
    batch = ConnectFourBatch(3)
    batch.step(torch.tensor([1, 1, 1]))
    batch.reset(torch.tensor([2]))
    with pytest.raises(IllegalMoveError, match="game 2: no move to take back"):
        batch.undo()


def test_games_may_begin_anywhere_and_are_not_undone_further():
    positions = random_positions(300, seed=5)
    own = torch.tensor([position.own for position in positions])
    occupied = torch.tensor([position.occupied for position in positions])
    batch = ConnectFourBatch.at(own, occupied)
    assert batch.winner.tolist() == [position.winner for position in positions]
    assert batch.ended.tolist() == [position.ended for position in positions]
    assert batch.legal().tolist() == [position.legal() for position in positions]
    with pytest.raises(IllegalMoveError, match="no move to take back"):
        batch.undo()


def test_reset_begins_chosen_games_anew():
    batch = played_out(4, seed=6)
    kept = batch.occupied[1].clone()
    batch.reset(torch.tensor([True, False, True, True]))
    assert batch.plies.tolist() == [0, int(Position(0, int(kept)).ply), 0, 0]
    assert batch.ended.tolist() == [False, True, False, False]
    batch.reset()
    assert all(
        torch.equal(tensor, ConnectFourBatch(4).state_dict()[name])
        for name, tensor in batch.state_dict().items()
    )


def test_clone_plays_on_without_touching_the_original():
    batch = replayed("44")
    copies = batch.clone(torch.tensor([0, 0, 0]))
    copies.step(torch.tensor([0, 1, 2]))
    assert batch.plies.tolist() == [2]
    assert copies.occupied.tolist() == [Position.after([3, 3, c]).occupied for c in (0, 1, 2)]


def test_mirror_is_the_same_game_seen_from_behind():
    batch = played_out(50, seed=7)
    image = batch.mirror()
    assert torch.equal(image.planes(), mirrored_columns(batch.planes()))
    assert torch.equal(image.canonical_keys(), batch.canonical_keys())
    for mine, theirs in zip(columns_of(batch), columns_of(image), strict=True):
        assert theirs == [6 - column for column in mine]
    back = image.mirror().state_dict()
    assert all(torch.equal(back[name], tensor) for name, tensor in batch.state_dict().items())


def test_saved_games_go_on_where_they_stood():
    draw = torch.Generator().manual_seed(8)
    batch = ConnectFourBatch(16)
    for _ in range(10):
        batch.step(random_columns(batch, draw))
    copy = ConnectFourBatch(16)
    copy.load_state_dict(batch.state_dict())
    columns = random_columns(batch, draw)
    batch.step(columns), copy.step(columns)
    assert all(torch.equal(copy.state_dict()[n], t) for n, t in batch.state_dict().items())


def test_state_of_another_batch_is_refused():
    with pytest.raises(
        ShapeError, match=r"own: found torch.int64 \[3\]; expected torch.int64 \[2\]"
    ):
        ConnectFourBatch(2).load_state_dict(ConnectFourBatch(3).state_dict())
    with pytest.raises(ShapeError, match="own: found nothing"):
        ConnectFourBatch(2).load_state_dict({})


@pytest.mark.parametrize("rows", [torch.tensor([5]), torch.tensor([-1]), torch.ones(3).bool()])
def test_rows_that_are_not_there_are_refused(rows):
    for act in (ConnectFourBatch(2).undo, ConnectFourBatch(2).reset, ConnectFourBatch(2).clone):
        with pytest.raises(ShapeError, match="rows: found"):
            act(rows)


@pytest.mark.parametrize("num_games", [0, -1, True, 2.0, "3"])
def test_batch_without_games_is_refused(num_games):
    with pytest.raises(ShapeError, match="num_games: found"):
        ConnectFourBatch(num_games)
