"""What one worker does with a run, from the claim to the registered version."""

from __future__ import annotations

import errno

import pytest
import torch
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hamlet.learning.town_trainer import TownTrainer
from hamlet.model import HamletModel
from hamlet.recording import decode_episode
from registry.artifacts.disk import path_of
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint, ModelVersion, RegisteredModel
from tests.training.runs import held
from tests.training.tiny_runs import TRAINING, queue_tiny
from training import checkpointing, events, execution, leases, queries, services
from training.errors import LeaseLostError
from training.lease_keeper import LeaseKeeper
from training.models import Run, RunEvent, RunStatus
from training.session import Session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]


def executed(run: Run) -> Run:
    execution.execute(run.pk)
    run.refresh_from_db()
    return run


def test_a_run_becomes_a_version_that_says_where_it_comes_from(instructor, classroom) -> None:
    run = executed(queue_tiny(instructor, classroom=classroom.name, name="First"))
    assert (run.status, run.done, run.total, run.reason) == (RunStatus.SUCCEEDED, 40, 40, "")
    version = run.version
    assert (str(version), version.run_id, version.model.classroom) == (
        "town-tiny 1.0.0",
        run.pk,
        classroom,
    )
    lineage = version.lineage
    assert lineage["run_spec"] == run.spec
    assert lineage["run_spec_hash"] == run.spec_hash
    assert (lineage["seed"], lineage["level"]) == (7, "tiny")
    assert lineage["packages"]["torch"] == torch.__version__
    assert lineage["brain_spec_hash"] == version.brain_spec_hash
    assert lineage["layout_hash"] == version.layout_hash
    assert lineage["level_hash"].startswith("sha256:")
    assert version.metrics["env_steps"] == run.latest_metrics["env_steps"]


def test_a_run_whose_model_is_deleted_meanwhile_registers_under_its_own_id(
    instructor, classroom, monkeypatch
) -> None:
    run = queue_tiny(instructor, classroom=classroom.name)
    advance = TownTrainer.advance

    def deleting(trainer: TownTrainer) -> object:
        if trainer.finished_episodes >= 20:
            RegisteredModel.objects.filter(name="town-tiny").delete()
        return advance(trainer)

    monkeypatch.setattr(TownTrainer, "advance", deleting)
    executed(run)
    assert (run.status, run.reason) == (RunStatus.SUCCEEDED, "")
    assert run.model == run.version.model == RegisteredModel.objects.get()
    assert run.model.name == f"town-{str(run.pk)[:8]}"
    assert (run.model.system, run.model.owner, run.model.classroom) == (
        "town",
        instructor,
        classroom,
    )


def test_the_version_can_be_used_without_the_platform(instructor) -> None:
    run = executed(queue_tiny(instructor))
    model = HamletModel.load_from_checkpoint(open_artifact(run.version.artifact))
    layout = model.network.layout
    answer = model.predict(torch.zeros(1, layout.size))
    assert answer["q_values"].shape == (1, len(layout.actions))


def test_every_episode_and_metric_of_the_run_is_kept(instructor) -> None:
    run = executed(queue_tiny(instructor))
    numbers = list(run.episodes.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, 41))
    series = queries.metric_series(run)
    assert series["mean_survival_steps"]["at"][-1] == 40
    assert run.latest_metrics["epsilon"] == series["epsilon"]["value"][-1]


def test_checkpoints_along_the_run_stay_and_two_to_go_on_from(instructor) -> None:
    run = executed(queue_tiny(instructor))
    found = Checkpoint.objects.filter(run_id=run.pk).order_by("at")
    assert [c.at for c in found.filter(kind="inference")] == [10, 20, 30, 40]
    assert [c.at for c in found.filter(kind="training")] == [30, 40]
    assert found.filter(kind="inference").last().metadata["training_episode"] == 40


def test_of_very_many_checkpoints_about_a_hundred_stay(instructor) -> None:
    training = {**TRAINING, "checkpoint_every": 1}
    run = executed(queue_tiny(instructor, episodes=12, training=training))
    Run.objects.filter(pk=run.pk).update(total=400)  # then one of every four is enough
    run.refresh_from_db()
    before = [c.at for c in queries.checkpoint_list(run, "inference")]
    checkpointing.tidy(run)
    kept = [c.at for c in queries.checkpoint_list(run, "inference")]
    assert kept[0] == before[0] == 12
    assert len({at // 4 for at in kept[1:]}) == len(kept) - 1
    assert {at // 4 for at in kept} == {at // 4 for at in before}


def transactions(queries: list[dict]) -> list[list[str]]:
    """The statements of each transaction, outermost ones alone."""
    found: list[list[str]] = [[]]
    for query in queries:
        if query["sql"] in ("BEGIN", "COMMIT", "ROLLBACK"):
            found.append([])
        found[-1].append(query["sql"])
    return found


def test_checkpoints_are_dropped_under_the_lease_alone(instructor) -> None:
    run = queue_tiny(instructor)
    with CaptureQueriesContext(connection) as captured:
        executed(run)
    dropping = [
        statements
        for statements in transactions(captured.captured_queries)
        if any(sql.startswith('DELETE FROM "registry_checkpoint"') for sql in statements)
    ]
    assert dropping, "three or more training checkpoints, of which two are kept"
    for statements in dropping:
        assert any("FOR NO KEY UPDATE" in sql and "training_run" in sql for sql in statements)


def test_a_checkpoint_is_written_to_the_disk_once(instructor, artifact_dir, monkeypatch) -> None:
    """The file that the library wrote is the one in the store."""
    written: list[int] = []
    write = checkpointing.write_training

    def noting(path, *arguments) -> None:
        write(path, *arguments)
        written.append(path.stat().st_ino)

    monkeypatch.setattr(checkpointing, "write_training", noting)
    run = executed(queue_tiny(instructor))
    newest = queries.checkpoint_list(run, "training")[0]
    assert path_of(newest.artifact_id).stat().st_ino == written[-1]


def test_a_worker_that_lost_its_run_remarks_nothing(run: Run) -> None:
    lease = held(run)
    assert leases.take_back(run, "silent") == RunStatus.QUEUED
    before = run.events.count()
    with pytest.raises(LeaseLostError):
        Session(run, lease, LeaseKeeper(lease, 0)).run_remark("the disk is full")
    assert run.events.count() == before


def test_the_same_request_gives_the_same_weights(instructor) -> None:
    first, second, other = (
        executed(queue_tiny(instructor, seed=seed)).version.artifact for seed in (7, 7, 8)
    )

    def weights(artifact) -> dict:
        network = HamletModel.load_from_checkpoint(open_artifact(artifact)).network
        return {name: tensor.tolist() for name, tensor in network.state_dict().items()}

    assert weights(first) == weights(second)
    assert weights(first) != weights(other)


def test_recordings_worth_it_are_kept_with_their_reasons(instructor) -> None:
    run = executed(queue_tiny(instructor, episodes=210))
    replays = list(run.replays.order_by("number"))
    regular = [replay.number for replay in replays if "every 100th" in replay.reasons]
    # Only one of two environments is recorded, so "every 100th" is the next one recorded.
    assert len(regular) == 2
    assert 100 <= regular[0] <= 101
    for replay in replays:
        episode = queries.read_replay(replay)
        assert episode.number == replay.number
        assert episode.steps == replay.survival_steps
        assert episode.ended_at == pytest.approx(replay.ended_at.timestamp())


def test_a_joining_watcher_finds_an_episode(instructor) -> None:
    run = executed(queue_tiny(instructor))
    message = events.decode_message(events.client().get(events.latest_episode_key(run.pk)))
    assert message.kind == "episode"
    assert decode_episode(message.body).columns["x"]


def test_a_run_that_does_not_wait_is_left_alone(instructor) -> None:
    run = queue_tiny(instructor)
    services.cancel_run(run, instructor)
    assert executed(run).status == RunStatus.CANCELLED
    assert not run.episodes.exists()


def test_a_run_that_diverges_fails_with_the_metric_and_keeps_its_rows(
    instructor, monkeypatch
) -> None:
    advance = TownTrainer.advance

    def overflowing(trainer: TownTrainer) -> object:
        if trainer.finished_episodes >= 14:
            for weights in trainer.agent.learner.online.parameters():
                weights.data.fill_(float("inf"))
        return advance(trainer)

    monkeypatch.setattr(TownTrainer, "advance", overflowing)
    run = executed(queue_tiny(instructor))
    assert run.status == RunStatus.FAILED
    assert run.reason == (
        "loss became nan at episode 20: the training diverged. Lower the learning rate or the "
        "gradient clip of the brain and start a new run."
    )
    assert run.version is None
    assert not ModelVersion.objects.exists()
    assert run.episodes.count() == 20


def test_a_gpu_run_on_a_worker_without_gpu_says_what_to_do(instructor) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    run = executed(queue_tiny(instructor, device="gpu"))
    assert run.status == RunStatus.FAILED
    assert "the worker that listens to training.gpu has none" in run.reason


def test_a_full_disk_fails_the_run_and_it_goes_on_when_there_is_room(
    instructor, monkeypatch
) -> None:
    undisturbed = executed(queue_tiny(instructor, model="undisturbed"))
    run = queue_tiny(instructor)
    monkeypatch.setattr(checkpointing, "PAUSE_S", 0.0)
    store, room = checkpointing.store_file, [4]  # files: two checkpoints of two

    def small_disk(*arguments, **options):
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= 1
        return store(*arguments, **options)

    monkeypatch.setattr(checkpointing, "store_file", small_disk)
    executed(run)
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("There is no room left for checkpoints in ")
    assert [c.at for c in queries.checkpoint_list(run, "training")] == [20, 10]
    room[0] = 1000
    services.resume_run(run, instructor)
    executed(run)
    assert run.status == RunStatus.SUCCEEDED
    assert final(run) == final(undisturbed)


def final(run: Run) -> dict:
    network = HamletModel.load_from_checkpoint(open_artifact(run.version.artifact)).network
    return {name: tensor.tolist() for name, tensor in network.state_dict().items()}


def test_an_error_of_the_trainer_is_told_in_a_line_and_logged_in_full(
    instructor, monkeypatch, caplog
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes\ncannot be multiplied")

    monkeypatch.setattr(TownTrainer, "advance", broken)
    run = executed(queue_tiny(instructor))
    assert run.status == RunStatus.FAILED
    assert run.reason == (
        "The trainer stopped with an error: RuntimeError: shapes cannot be multiplied"
    )
    assert "Traceback" not in run.reason
    assert "def broken" in caplog.text or "in broken" in caplog.text
    assert RunEvent.objects.filter(run=run, new_status="failed").get().text == run.reason


def test_a_run_whose_checkpoints_are_all_damaged_says_so_and_forgets_nothing(instructor) -> None:
    run = executed(queue_tiny(instructor))
    Run.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED, version=None)
    for checkpoint in queries.checkpoint_list(run, "training"):
        path_of(checkpoint.artifact_id).write_bytes(b"damaged")
    executed(run)
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("Every training checkpoint of this run is damaged on the disk")
    assert run.episodes.count() == 40
