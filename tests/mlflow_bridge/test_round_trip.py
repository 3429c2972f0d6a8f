"""What goes to an MLflow registry comes back byte for byte."""

from __future__ import annotations

import pytest

from registry.artifacts.store import open_artifact
from registry.models import AuditEntry, RegisteredModel

pytestmark = pytest.mark.django_db


def test_model_comes_back_under_another_name_as_it_was(story, model, run, mlflow_server):
    model.description, model.tags = "walks", {"team": "blue"}
    model.save()
    said = run("mlflow_export", "walker", "--name", "trip")
    for line in ("walker 1.0.0 -> trip/1", "walker 1.2.0 -> trip/3", "best -> trip/1"):
        assert line in said
    # MLflow keeps `latest` and `v1` for itself.
    assert "alias latest is not set" in said
    assert "alias v1 is not set" in said
    assert "exported 3 of 3 versions" in said
    again = run("mlflow_export", "walker", "--name", "trip")
    assert "exported 0 of 3 versions" in again
    assert "->" not in again

    client = mlflow_server.client()
    assert len(client.search_model_versions("name='trip'")) == 3
    there = client.get_model_version("trip", "1")
    assert there.description == "the first\r\nof them"
    assert there.tags["team"] == "red"
    assert there.tags["hamlet.artifact_sha256"] == story[0].artifact_id
    data = client.get_run(there.run_id).data
    assert data.params == {"budget": "10", "training.rate": "0.1", "note": "null"}
    assert data.metrics == {"score": 1.5}

    said = run("mlflow_import", "trip", "--as", "runner")
    assert "trip/3 -> runner 1.2.0" in said
    assert "3 versions of trip are here" in said
    runner = RegisteredModel.objects.get(name="runner")
    assert (runner.description, runner.tags, runner.system) == ("walks", {"team": "blue"}, "town")
    back = list(runner.versions.order_by("major", "minor", "patch"))
    for old, new in zip(story, back, strict=True):
        assert (new.number, new.artifact_id) == (old.number, old.artifact_id)
        assert open_artifact(new.artifact) == open_artifact(old.artifact)
        assert (new.signature, new.metrics) == (old.signature, old.metrics)
        assert (new.parameters, new.brain_spec_hash) == (old.parameters, old.brain_spec_hash)
        assert new.lineage.items() >= old.lineage.items()
        assert new.lineage["mlflow"]["server"] == mlflow_server.url
        assert new.lineage["mlflow"]["was"]["number"] == old.number
        assert (new.card.tags, new.card.description) == (old.card.tags, old.card.description)
    assert back[2].parent == back[0]
    assert dict(runner.aliases.values_list("name", "version_id")) == {
        "best": back[0].pk,
        "latest": back[2].pk,
    }

    said = run("mlflow_import", "trip", "--as", "runner")
    assert said.count("is here as runner") == 3
    assert runner.versions.count() == 3
    exported = AuditEntry.objects.filter(action="version.exported", details__format="mlflow")
    assert sorted(entry.details["as"] for entry in exported) == ["trip/1", "trip/2", "trip/3"]
