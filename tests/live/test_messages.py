"""How an episode is split into messages, and which messages of a client are understood."""

from __future__ import annotations

import json

import pytest

from hamlet.errors import SpecError
from live.encoding import LIVE, REPLAY, as_replay, encode_for_watchers, message
from live.protocol import MESSAGES_AT_ONCE, MESSAGES_PER_S, RateBound, read_client_message
from tests.live.episodes import make_episode


def read(encoded) -> dict:
    return json.loads(encoded.text(1, 0.0))


def test_batches_hold_at_most_64_steps_and_together_every_step_once():
    encoded = encode_for_watchers(make_episode(5, steps=150), LIVE)
    updates = [read(batch) for batch in encoded.batches]
    assert [(update["from"], update["count"]) for update in updates] == [
        (0, 64),
        (64, 64),
        (128, 22),
    ]
    steps = [step for update in updates for step in update["steps"]["step"]]
    assert steps == list(range(1, 151))
    for update in updates:
        assert {len(values) for values in update["steps"].values()} == {update["count"]}


def test_steps_carry_every_field_of_the_specification():
    encoded = encode_for_watchers(make_episode(5, steps=3), LIVE)
    fields = set(read(encoded.batches[0])["steps"])
    assert fields >= {
        *("step", "x", "y", "meters", "action", "mask", "q_values", "extrinsic", "intrinsic"),
        *("shaping", "novelty", "hour", "progress", "terminated", "truncated"),
    }


@pytest.mark.parametrize(
    ("reason", "terminated", "truncated"),
    [("death: energy", True, False), ("time limit", False, True)],
)
def test_only_the_last_step_ends_the_episode_and_says_how(reason, terminated, truncated):
    episode = make_episode(5, steps=65)
    episode.end["reason"] = reason
    first, last = (read(batch)["steps"] for batch in encode_for_watchers(episode, LIVE).batches)
    assert not any(first["terminated"] + first["truncated"])
    assert (last["terminated"], last["truncated"]) == ([terminated], [truncated])


def test_start_and_end_carry_the_fields_of_the_specification():
    encoded = encode_for_watchers(make_episode(5, steps=3), LIVE, dropped=2)
    start, end = read(encoded.start), read(encoded.end)
    assert start["type"] == "episode_start"
    expected = {"mode": "live_training", "episode_id": 5, "survival_steps": 3, "dropped": 2}
    assert {name: start[name] for name in expected} == expected
    assert set(start) >= {
        *("curriculum_stage", "multiplier", "epsilon", "intrinsic_weight", "layout", "ended_at")
    }
    assert end["type"] == "episode_end"
    assert set(end) >= {"episode_id", "reason", "totals", "visits", "transitions"}


def test_replay_of_a_live_episode_differs_in_its_mode_alone():
    live = encode_for_watchers(make_episode(5, steps=3), LIVE)
    replay = as_replay(live)
    assert read(replay.start) == {**read(live.start), "mode": REPLAY}
    assert replay.batches is live.batches


def test_numbers_that_json_cannot_say_become_gaps():
    assert read(message("metrics", loss=float("nan")))["loss"] is None


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "ack", "seq": 1},
        {"type": "ping", "sent": 0},
        {"type": "play"},
        {"type": "pause"},
        {"type": "step"},
        {"type": "step", "by": -10},
        {"type": "set_speed", "speed": 0.2},
        {"type": "set_speed", "speed": 10},
        {"type": "seek", "step": 0},
        {"type": "load_replay", "episode": 1},
        {"type": "list_replays"},
        {"type": "list_replays", "filters": {"stage": 2}},
        {"type": "follow_latest"},
        {"type": "catch_up", "after": 0, "metrics_from": 7},
    ],
)
def test_every_message_of_a_client_is_understood(sent):
    assert read_client_message(json.dumps(sent)).items() >= sent.items()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "mapping"),
        ("null", "mapping"),
        ('"play"', "mapping"),
        ("{}", "type"),
        ('{"type": "explode"}', "expected one of"),
        ('{"type": {"play": 1}}', "expected one of"),
        ('{"type": "play", "also": 1}', "also"),
        ('{"type": "seek"}', "step"),
        ('{"type": "seek", "step": -1}', "step"),
        ('{"type": "seek", "step": 1.5}', "step"),
        ('{"type": "seek", "step": true}', "step"),
        ('{"type": "seek", "step": 1e400}', "JSON"),
        ('{"type": "set_speed", "speed": 0.19}', "speed"),
        ('{"type": "set_speed", "speed": 11}', "speed"),
        ('{"type": "set_speed", "speed": NaN}', "JSON"),
        ('{"type": "load_replay", "episode": 99999999999999999999999999}', "episode"),
        ('{"type": "list_replays", "filters": []}', "filters"),
        ('{"type": "ack", "seq": 0}', "seq"),
    ],
)
def test_what_is_wrong_with_a_message_is_said(text, told):
    with pytest.raises(SpecError, match=told):
        read_client_message(text)


def test_bursts_pass_and_floods_do_not():
    rate = RateBound(now=0.0)
    passed = sum(rate.allows("play", 0.0) for _ in range(1000))
    assert passed == MESSAGES_AT_ONCE
    assert not rate.allows("play", 0.0)
    assert rate.allows("play", 1.01 / MESSAGES_PER_S)


def test_messages_that_read_much_cost_more():
    rate = RateBound(now=0.0)
    assert sum(rate.allows("load_replay", 0.0) for _ in range(1000)) == MESSAGES_AT_ONCE / 5
