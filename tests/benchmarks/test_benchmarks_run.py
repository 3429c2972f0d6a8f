"""Every benchmark runs from its command line and prints its tables. Nothing here looks at times."""

import json

import pytest

from benchmarks import environment
from benchmarks.learning import __main__ as learning
from benchmarks.learning import horizon
from benchmarks.peers import missing

PEERS = "the peers are installed with requirements-bench.txt"


def printed(capsys, main, *arguments):
    assert main(["--quick", *arguments]) == 0
    return capsys.readouterr().out


def test_environment(capsys, tmp_path):
    file = tmp_path / "environment.json"
    text = printed(capsys, environment.main, "--json", str(file))
    assert "| envs | device | batched" in text
    assert "quick" in text.splitlines()[0]
    rows = json.loads(file.read_text())["tables"][0]["rows"]
    assert [row["envs"] for row in rows] == [1, 8]
    assert all(row["batched"]["median"] > 0 for row in rows)


def test_dqn(capsys):
    pytest.importorskip("stable_baselines3", reason=PEERS)
    from benchmarks import dqn

    text = printed(capsys, dqn.main)
    assert "287,368 / 287,368" in text  # both networks have the same weights
    assert "ours / ours, by autograd" in text
    assert "| prioritised replay" in text


def test_recurrent(capsys):
    pytest.importorskip("sb3_contrib", reason=PEERS)
    from benchmarks import recurrent

    assert "RecurrentPPO" in printed(capsys, recurrent.main)


def test_checkpoints(capsys):
    pytest.importorskip("stable_baselines3", reason=PEERS)
    from benchmarks import checkpoints

    text = printed(capsys, checkpoints.main)
    assert "load inference, cold" in text
    assert "L2 recurrent" in text


def test_learning(capsys, tmp_path):
    file = tmp_path / "learning.json"
    text = printed(capsys, learning.main, "--json", str(file), "--variants", "small-replay")
    assert "| trained, shipped " in text
    assert "| trained, small-replay " in text
    assert "| at least the heuristic | NOT met" in text  # after five episodes
    titles = [table["title"] for table in json.loads(file.read_text())["tables"]]
    assert titles[1] == "Gates on L0, judged by L0-shipped-0"


@pytest.mark.parametrize(
    ("level", "variant", "words"),
    [
        ("L0", "no-symmetries", "no-symmetries changes nothing on L0"),
        ("L2", "relu", "relu does not fit L2: brain.architecture.dueling"),
    ],
)
def test_a_variant_that_teaches_nothing_is_refused_before_training(capsys, level, variant, words):
    with pytest.raises(SystemExit):
        learning.main(["--levels", level, "--variants", variant])
    assert words in capsys.readouterr().err


def test_horizon_of_l0(capsys):
    assert horizon.main(["--gammas", "0", "0.9", "0.99"]) == 0
    text = capsys.readouterr().out
    # The less far it looks, the sooner it has slept its money away.
    lives = [int(line.split("|")[2]) for line in text.splitlines() if line.startswith("| 0")]
    assert len(lives) == 3
    assert lives[0] < lives[1] < lives[2] < 1000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_streaming(capsys):
    for peer in ("channels_redis", "websockets", "playwright"):
        pytest.importorskip(peer, reason=PEERS)
    from benchmarks.streaming.__main__ import main

    text = printed(capsys, main)
    assert "| 2 clients and a browser | first frame in the browser" in text
    assert "| channels_redis core" in text


def test_a_peer_that_is_missing_is_named_with_its_remedy():
    with pytest.raises(ModuleNotFoundError) as caught:
        import no_such_peer  # noqa: F401
    assert "no_such_peer" in str(missing(caught.value))
    assert "requirements-bench.txt" in str(missing(caught.value))
