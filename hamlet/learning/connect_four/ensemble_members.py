"""The members of an ensemble: each is a run of its own, with its own config and seed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from hamlet.brains.board_ensemble import BoardEnsembleBrain
from hamlet.checkpoint import save_inference
from hamlet.errors import HamletError, Problem, SpecError
from hamlet.learning.connect_four.content import Content
from hamlet.learning.connect_four.system import make_trainer, member_specs
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import EpisodeFinished, Files
from hamlet.runspec import RunSpec

MEMBERS_PATH = "content.config.advanced_config.members"
BRAINS_PATH = "content.brain.architecture.ensemble.members"


class MemberFailedError(HamletError):
    """A member of an ensemble stopped with an error that is none of the library's own."""


@dataclass(frozen=True)
class Member:
    """Attributes: name: for people, as `member 0 (alphazero)`."""

    name: str
    trainer: BoardTrainer


def make_members(
    content: Content,
    seed: int,
    device: torch.device,
    files: Files | None,
    network: BoardEnsembleBrain,
) -> list[Member]:
    """Args: content, seed: of the ensemble. network: whose members they begin as, if it has a base.

    Raises: SpecError, DatasetError naming the member that cannot be made.
    """
    members = []
    with TemporaryDirectory() as folder:
        for index, own_run in enumerate(member_runs(content, seed)):
            name, given, run = name_of(index, own_run), files, own_run
            if content.base is not None:
                # A member begins from a file as every run does; its name says what is in it.
                named = f"{content.base}/member {index}"
                digest = hashlib.sha256(named.encode()).hexdigest()
                path = Path(folder) / f"member_{index}"
                save_inference(path, network.members[index])
                given = beside(files, digest, path)
                run = with_content(run, base={"checkpoint": digest})
            with failing_as(name):
                members.append(Member(name, make_trainer(run, device, given)))
    return members


def member_runs(content: Content, seed: int) -> list[RunSpec]:
    """What each member is as a run of its own. All of them get the examples of the ensemble, and
    hold back at least those that it holds back.

    Raises: SpecError if the networks of the ensemble are not those that its members train.
    """
    specs = member_specs(content.config, seed)
    brains = content.brain.block["members"]
    found = [brain["architecture"]["type"] for brain in brains]
    expected = [spec.trainer for spec in specs]
    if found != expected:
        message = f"found {', '.join(found)}; {MEMBERS_PATH} trains {', '.join(expected)}"
        raise SpecError([Problem(BRAINS_PATH, message)])
    runs = [with_content(spec, brain=brain) for spec, brain in zip(specs, brains, strict=True)]
    if content.dataset is None:
        return runs
    manifest, *shards = content.dataset
    given = {"dataset": {"manifest": manifest, "shards": shards}, "split_seed": seed}
    return [with_content(run, **given, config=holding_back(run, content)) for run in runs]


def holding_back(run: RunSpec, content: Content) -> dict[str, Any]:
    """The config of a member with a share held back that is no smaller than the ensemble's."""
    config = run.content["config"]
    share = max(config["validation_split"], content.config["validation_split"])
    return {**config, "validation_split": share}


def with_content(run: RunSpec, **fields: Any) -> RunSpec:
    return dataclasses.replace(run, content={**run.content, **fields})


def name_of(index: int, run: RunSpec) -> str:
    return f"member {index} ({run.trainer})"


def beside(files: Files | None, digest: str, path: Path) -> Files:
    """`files`, and one file more."""

    def find(wanted: str) -> Path:
        if wanted == digest:
            return path
        if files is None:
            message = "needs a stored file; give the trainer what finds it: files=..."
            raise SpecError([Problem("content", message)])
        return files(wanted)

    return find


@contextmanager
def failing_as(name: str) -> Iterator[None]:
    """Failures inside say whose they are."""
    try:
        yield
    except SpecError as error:
        problems = [Problem(p.path, f"{name}: {p.message}") for p in error.problems]
        raise SpecError(problems) from error
    except HamletError as error:
        # The same error, with all that it carries: a run that diverged keeps its batch.
        error.args = (f"{name}: {error}",)
        raise
    except (MemoryError, torch.OutOfMemoryError):
        raise  # it is all of the process that has too little
    except Exception as error:
        raise MemberFailedError(f"{name}: {type(error).__name__}: {error}") from error


def game_of(member: Member, event: EpisodeFinished, number: int) -> EpisodeFinished:
    """A game of a member as one of its ensemble's. Args: number: among all games."""
    facts = {side: f"{member.name}: {event.summary[side]}" for side in ("red", "yellow")}
    facts["member"] = member.name
    recording = event.recording
    if recording is not None:
        start = {**recording.start, **facts}
        recording = dataclasses.replace(recording, number=number, start=start)
    return EpisodeFinished(number, {**event.summary, **facts}, recording)
