"""Episodes as bytes: both forms read back, damaged and hostile ones are refused."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from hamlet.errors import SpecError
from hamlet.recording import Episode, codec, decode_episode, encode_episode

EPISODE = Episode(
    number=7,
    start={"mode": "replay", "layout": {"grid": {"width": 3}}, "note": None},
    columns={"x": [0, 1], "q_values": [[0.5, None], [1.0, -2.25]], "greedy": [True, False]},
    end={"reason": "death: energy", "visits": {"Bed": 2}},
    ended_at=1_700_000_000.25,
)


@pytest.mark.parametrize("compress", [True, False])
def test_both_forms_read_back(compress: bool) -> None:
    assert decode_episode(encode_episode(EPISODE, compress=compress)) == EPISODE


def test_compressing_pays() -> None:
    long = Episode(1, {}, {"x": [3] * 500, "meters": [[0.5] * 8] * 500}, {}, 0.0)
    assert len(encode_episode(long)) < len(encode_episode(long, compress=False)) / 10


def changed(**fields: Any) -> bytes:
    data = json.loads(encode_episode(EPISODE, compress=False))
    return json.dumps(data | fields).encode()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "cut off"),
        (b"\x80\x04pickle", "neither JSON nor zlib"),
        (encode_episode(EPISODE)[:-5], "cut off"),
        (encode_episode(EPISODE, compress=False)[:-5], "not valid JSON"),
        (b"{}", "missing"),
        (changed(format=2), "expected one of 1"),
        (changed(number=0), "from 1"),
        (changed(ended_at=None), "expected a number"),
        (changed(columns={"x": [1, 2], "y": [1]}), "different lengths"),
        (changed(columns={"x": 5}), "expected a list"),
        (changed(extra=1), "unknown field"),
        (b'{"format": 1, "number": NaN}', "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_file_is_refused_with_the_reason(content: bytes, part: str) -> None:
    with pytest.raises(SpecError, match=part):
        decode_episode(content)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_ENCODED_BYTES", 100_000)
    bomb = zlib.compress(b'{"format":' + b" " * 10_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(SpecError, match="holds more than"):
        decode_episode(bomb)
    with pytest.raises(SpecError, match="holds more than"):
        decode_episode(b"{" + b" " * 200_000)


def test_what_json_cannot_say_is_not_written() -> None:
    with pytest.raises(SpecError, match="finite"):
        encode_episode(Episode(1, {}, {"x": [float("nan")]}, {}, 0.0))
