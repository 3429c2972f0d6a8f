"""A check looks into the file of a version, moves the version by it, and writes its exports."""

from __future__ import annotations

import onnx
import pytest

from registry import holder
from registry.artifacts.disk import path_of
from registry.artifacts.store import open_artifact
from registry.audit.models import AuditEntry
from registry.exports.models import Export
from registry.versions import execution
from registry.versions.execution import run_check
from registry.versions.lifecycle import move, status_of
from registry.versions.models import VersionCheck
from registry.versions.queries import forgotten_checks
from registry.versions.services import ask_check

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(version):
    """The version after its first check."""
    run_check(version.checks.get().pk)
    return version


def test_version_that_passes_is_validated_with_what_was_measured(done):
    check = done.checks.get()
    assert (check.passed, check.problem, status_of(done)) == (True, "", "validated")
    assert check.report["parameter_count"] > 0
    assert check.report["p50_us"]["1"] > 0
    assert check.report["batch_difference"] <= 1e-5


def test_version_that_passes_is_written_for_other_engines(done):
    exports = {export.format: export for export in Export.objects.filter(version=done)}
    assert set(exports) == {"onnx", "torchscript"}
    assert all(export.parity_relative <= 1e-5 for export in exports.values())
    graph = onnx.load_from_string(open_artifact(exports["onnx"].artifact)).graph
    assert [node.name for node in graph.input] == ["observation", "action_mask"]


def test_check_done_twice_is_done_once(done):
    run_check(done.checks.get().pk)
    assert AuditEntry.objects.filter(action="version.checked").count() == 1
    assert Export.objects.filter(version=done).count() == 2


def test_damaged_file_takes_the_status_away_again(done, instructor):
    path_of(done.artifact_id).write_bytes(b"something else")
    check = ask_check(done, instructor)
    run_check(check.pk)
    check.refresh_from_db()
    assert check.passed is False
    assert "Restore it from a backup" in check.problem
    assert status_of(done) == "registered"


def test_failed_check_of_a_deployed_version_leaves_it_in_service_and_says_so(done, instructor):
    move(done, "deployed")
    path_of(done.artifact_id).write_bytes(b"something else")
    run_check(ask_check(done, instructor).pk)
    assert status_of(done) == "deployed"
    assert done.checks.first().passed is False


def test_asking_twice_gives_one_check(version, instructor):
    assert ask_check(version, instructor) == ask_check(version, instructor)
    assert version.checks.count() == 1


def test_check_whose_worker_was_lost_is_found_again(version):
    check = version.checks.get()
    assert list(forgotten_checks()) == []
    type(check).objects.filter(pk=check.pk).update(asked_at="2026-01-01T00:00:00Z")
    assert list(forgotten_checks()) == [check]


def test_exporter_that_breaks_is_named_and_the_check_ends(version, monkeypatch):
    def breaks(*_) -> None:
        raise RuntimeError("no such operator\nin opset 18")

    monkeypatch.setattr("hamlet.export.export_onnx", breaks)
    run_check(version.checks.get().pk)
    check = version.checks.get()
    assert (check.passed, status_of(version)) == (True, "validated")
    exports = check.report["exports"]
    assert "RuntimeError: no such operator in opset 18" in exports["onnx"]["problem"]
    assert exports["torchscript"]["relative"] <= 1e-5


def test_file_that_ends_its_workers_is_given_up(version, monkeypatch):
    def ends(_) -> None:
        raise KeyboardInterrupt  # as a worker that is killed, it writes nothing more

    check = version.checks.get()
    with monkeypatch.context() as patched:
        patched.setattr(execution, "look_into", ends)
        for _ in range(execution.MOST_ATTEMPTS):
            with pytest.raises(KeyboardInterrupt):
                run_check(check.pk)
            run_check(check.pk)  # its process is alive: nobody else begins
            dead = holder.Holder(*holder.this_process().split("|"))._replace(began="1")
            VersionCheck.objects.update(lease_holder=str(dead))
    run_check(check.pk)
    check.refresh_from_db()
    assert (check.passed, check.problem) == (False, "5 workers ended while they checked this file")
