"""Rows to be searched, as the database has them and as plain data, and queries about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from registry.models import Alias, Artifact, ModelVersion, RegisteredModel, User
from registry.versions.models import VersionCard

NAMES = ("walker", "Walker_2", "town-L1", "100%", "a\\b", "it's", "שלום", "🦊 fox")
TEXTS = ("", "blue", "Blue", "bl%e", "b_ue", "it's", '"', "\\", "0", "true", "🦊", "שלום")
NUMBERS = (0, 1, -1, 2, 0.1, 0.30000000000000004, 1e-7, 1e20, 123456789012345678)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)

scalars = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none())
trees = st.dictionaries(
    st.sampled_from(["a", "b", "0"]),
    st.one_of(
        scalars,
        st.lists(scalars, max_size=2),
        st.dictionaries(st.sampled_from(["a", "b.c"]), scalars, max_size=2),
    ),
    max_size=3,
)
versions = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "status": st.sampled_from(["registered", "validated", "archived"]),
        "format": st.sampled_from(["hamlet", "onnx"]),
        "tags": st.dictionaries(st.sampled_from(["team", "x.y"]), st.sampled_from(TEXTS)),
        "metrics": st.dictionaries(st.sampled_from(["loss", "x.y"]), st.sampled_from(NUMBERS)),
        "params": trees,
        "alias": st.lists(st.sampled_from(["best", "b_st", "BEST"]), unique=True, max_size=2),
        "owner": st.sampled_from([None, "ada", "grace"]),
        "hours": st.integers(0, 72),
    }
)


def make_version(row: dict[str, Any], number: int, users: dict[str, User]) -> ModelVersion:
    """A version of a model of its own. No file is behind it: nobody opens it."""
    artifact, _ = Artifact.objects.get_or_create(
        sha256="0" * 64, defaults={"size_bytes": 1, "media_type": "application/octet-stream"}
    )
    model = RegisteredModel.objects.create(name=f"m{number}", system="town")
    # Older names may be anything; `check_name` guards new ones alone.
    RegisteredModel.objects.filter(pk=model.pk).update(
        name=f"{row['name']} {number}", owner=users.get(row["owner"])
    )
    version = ModelVersion.objects.create(
        model=model,
        major=1,
        minor=number,
        patch=0,
        artifact=artifact,
        format=row["format"],
        signature={},
        brain_spec_hash="",
        layout_hash="",
        parameters=row["params"],
        metrics=row["metrics"],
        created_at=BEGIN + timedelta(hours=row["hours"]),
    )
    VersionCard.objects.update_or_create(
        version=version, defaults={"status": row["status"], "tags": row["tags"]}
    )
    for name in row["alias"]:
        Alias.objects.create(model=model, name=name, version=version)
    return version


def as_data(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The row as `naive.holds` reads it."""
    return {**row, "name": f"{row['name']} {number}", "version": f"1.{number}.0", "class": None}


# -- queries


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
equals = st.sampled_from(["=", "!="])
likes = st.sampled_from(["LIKE", "ILIKE", "NOT LIKE", "not ilike"])
texts = st.sampled_from([*TEXTS, *NAMES]).map(quoted)
patterns = st.sampled_from(["%", "bl%", "%E", "b\\_ue", "b_ue", "%\\%%", "_", "", "%a%k%", "\\\\"])
numbers = st.sampled_from([*map(repr, NUMBERS), "1.0", "1e0", "-0", ".1", "+2", "1E20"])
paths = st.sampled_from(["params.a", "params.b", "params.a.a", "params.b.0", "params.a.`b.c`"])


def joined(*parts: Any) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(p) if isinstance(p, str) else p for p in parts)).map(" ".join)


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3).map(lambda found: f"({', '.join(found)})")


inside = st.sampled_from(["IN", "NOT IN"])
text_fields = st.sampled_from(["name", "owner", "tags.team", "tags.x.y", 'tags."x.y"'])
number_fields = st.sampled_from(["metrics.loss", "metrics.x.y", "metrics.`x.y`"])
leaves = st.one_of(
    joined(text_fields, signs, texts),
    joined(text_fields, inside, listed(texts)),
    joined(text_fields, likes, patterns.map(quoted)),
    joined(number_fields, signs, numbers),
    joined(number_fields, inside, listed(numbers)),
    joined(paths, signs, st.one_of(texts, numbers)),
    joined(paths, equals, st.sampled_from(["true", "FALSE"])),
    joined(paths, inside, listed(st.one_of(texts, numbers, st.just("true")))),
    joined(paths, likes, patterns.map(quoted)),
    joined("status", equals, st.sampled_from(["'validated'", "'archived'"])),
    joined("format", inside, st.just("('onnx')")),
    joined("alias", st.sampled_from(["=", "LIKE", "ILIKE"]), st.just("'b_st'")),
    joined("alias IN", listed(st.sampled_from(["'best'", "'BEST'"]))),
    joined("EXISTS", st.one_of(text_fields, number_fields, paths, st.just("alias"))),
    st.sampled_from(["walker", "'%'", "fox", "'\\'", "שלום", "_2"]),
)
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "or", "Or", "and"]), inner).map(" ".join),
        inner.map(lambda query: f"NOT ({query})"),
        inner.map(lambda query: f"not {query}"),
        inner.map(lambda query: f"({query})"),
    ),
    max_leaves=8,
)
