"""Documents from strangers: hostile YAML, unknown fields, and fields of another variant."""

from itertools import pairwise

import pytest

from hamlet.brains import BrainSpec
from hamlet.errors import Problem, SpecError
from hamlet.schema import (
    MAX_DOCUMENT_BYTES,
    Flag,
    Integer,
    Section,
    Tagged,
    Text,
    read_yaml,
    validate,
    write_yaml,
)

LAUGHS = "\n".join(
    ["a: &a [lol, lol]"]
    + [f"{name}: &{name} [*{before}, *{before}]" for before, name in pairwise("abcdefghi")]
)


def problems_of(schema, data):
    with pytest.raises(SpecError) as caught:
        validate(schema, data)
    return [tuple(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (LAUGHS, "line 1: anchors and aliases are not allowed"),
        ("a: !!python/object/apply:os.system ['touch /tmp/owned']", "the tag"),
        ("a: !!python/name:os.system", "the tag"),
        ("a: !!binary aGk=", "the tag"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' stands twice"),
        ("{1: a, 1.0: b}", "stands twice"),
        ("[" * 40 + "]" * 40, "nested deeper than 32"),
        ("a: " + "x" * MAX_DOCUMENT_BYTES, f"expected at most {MAX_DOCUMENT_BYTES}"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("? [a, b]\n: 1", "line 1: a mapping key must be plain text"),
        ("<<: {a: 1}", "not valid YAML"),
        ("a: \x07", "not valid YAML"),
        (b"\xff\xfe\x00", "not valid YAML"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_with_the_reason(text, part):
    with pytest.raises(SpecError) as caught:
        read_yaml(text, name="brain.yaml")
    assert part in str(caught.value)
    assert str(caught.value).startswith(("brain.yaml", "line "))


@pytest.mark.parametrize("text", ["1e-4", "2.5e4", "-1E3", ".5e-2", "1.e3"])
def test_numbers_are_read_as_people_write_them(text):
    assert read_yaml(f"a: {text}") == {"a": float(text)}


@pytest.mark.parametrize("text", ["1e5", "no", "1.0", "2024-01-01", "null", "", "a: b", "ü", "~"])
def test_text_that_looks_like_something_else_survives_writing_and_reading(text):
    assert read_yaml(write_yaml({"description": text})) == {"description": text}


def test_a_flood_of_unknown_fields_is_named_in_part_and_counted():
    found = problems_of(Section({"gamma": Integer(0, 1, 0)}), {f"gamma{n}": 0 for n in range(5000)})
    assert len(found) == 21
    assert found[0] == ("gamma0", "unknown field; expected one of gamma (did you mean gamma?)")
    assert found[-1] == ("(document)", "4980 more unknown fields")


def test_rules_see_a_section_only_when_its_fields_are_good():
    def below(section):
        if section["low"] > section["high"]:
            yield Problem("low", "must not be above high")

    schema = Section(
        {"range": Section({"low": Integer(0, 9), "high": Integer(0, 9)}, rules=(below,))}
    )
    assert problems_of(schema, {"range": {"low": 5, "high": 3}}) == [
        ("range.low", "must not be above high")
    ]
    assert problems_of(schema, {"range": {"low": 50, "high": 3}}) == [
        ("range.low", "found 50; expected a whole number from 0 to 9")
    ]


SHAPES = Tagged(
    "kind",
    {"circle": {"radius": Integer(1, 9)}, "square": {"side": Integer(1, 9)}, "dot": {}},
    common={"filled": Flag(False)},
    tag_default="dot",
    refused={"corners": "a shape has none"},
)


def test_the_tag_decides_which_fields_there_are():
    assert validate(SHAPES, {}) == {"kind": "dot", "filled": False}
    assert validate(SHAPES, {"kind": "circle", "radius": 2}) == {
        "kind": "circle",
        "filled": False,
        "radius": 2,
    }
    assert problems_of(SHAPES, {"kind": "circle", "radius": 2, "side": 1, "corners": 4}) == [
        ("side", "only with kind square; kind is circle"),
        ("corners", "a shape has none"),
    ]
    assert problems_of(SHAPES, {"kind": "triangle", "side": 0}) == [
        ("kind", "found 'triangle'; expected one of circle, square, dot")
    ]


def test_a_tag_without_default_must_be_there():
    schema = Tagged("on", {True: {}, False: {}})
    assert problems_of(schema, {}) == [("on", "missing; expected one of true, false")]
    assert problems_of(schema, {"on": 1}) == [("on", "found 1; expected one of true, false")]


@pytest.mark.parametrize("text", ["a\x1bb", "a\x00", "\ud800", "a\x7f"])
def test_unprintable_text_is_refused(text):
    assert "expected printable text" in problems_of(Section({"a": Text()}), {"a": text})[0][1]


def test_line_ends_and_other_alphabets_are_text():
    assert validate(Text(), "ein\tTab,\neine Zeile, 日本") == "ein\tTab,\neine Zeile, 日本"


def test_a_message_never_repeats_a_long_value():
    found = problems_of(Section({"a": Integer(0, 1)}), {"a": "x" * 10_000})
    assert len(found[0][1]) < 150


def test_a_brain_in_hostile_yaml_is_refused_before_anything_is_built():
    with pytest.raises(SpecError, match="anchors and aliases"):
        BrainSpec.from_yaml(LAUGHS)
