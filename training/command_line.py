"""What the commands about runs share: finding a run, showing faults, watching it to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db.models import CharField
from django.db.models.functions import Cast
from tqdm import tqdm

from hamlet.errors import Problem, SpecError
from hamlet.schema import MAX_DOCUMENT_BYTES, read_yaml
from hamlet.systems import SYSTEMS
from registry.models import Role, User
from training.models import Run, RunStatus

POLL_S = 0.5
PATIENCE_S = 15.0
SHORTEST_ID = 4


def find_user(name: str | None) -> User:
    """The named user, or the first admin. Raises: CommandError."""
    if name is not None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}. `manage.py runs` shows who owns runs.")
        return user
    people = User.objects.filter(is_active=True).order_by("pk")
    user = (
        people.filter(is_superuser=True).first() or people.filter(groups__name=Role.ADMIN).first()
    )
    if user is None:
        raise CommandError("There is no admin yet. Start `make up` once, or give --user.")
    return user


def find_run(text: str) -> Run:
    """The run whose id begins with this text. Raises: CommandError."""
    wanted = text.strip().lower()
    if len(wanted) < SHORTEST_ID:
        raise CommandError(f"Give at least {SHORTEST_ID} characters of the run's id.")
    found = list(
        Run.objects.annotate(id_text=Cast("id", CharField())).filter(id_text__startswith=wanted)[:2]
    )
    if len(found) != 1:
        many = "No run's id begins" if not found else "The ids of several runs begin"
        raise CommandError(f"{many} with {text!r}. `manage.py runs` lists them.")
    return found[0]


def explain(error: SpecError, headline: str) -> CommandError:
    """All faults of a document, one a line."""
    return CommandError("\n".join([headline, *(f"  {problem}" for problem in error.problems)]))


def read_document(path: str) -> Any:
    """The content of a YAML file. Raises: CommandError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
        return read_yaml(content.decode("utf-8"), name=path)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    except SpecError as error:
        raise explain(error, f"{path} is not a document to work with:") from None


def read_settings(assignments: Sequence[str]) -> dict[str, Any]:
    """`["training.num_envs=8"]` as `{"training": {"num_envs": 8}}`. Raises: CommandError."""
    settings: dict[str, Any] = {}
    for text in assignments:
        path, found, value = text.partition("=")
        if not found or not all(path.split(".")):
            raise CommandError(f"--set {text}: expected path=value, such as training.num_envs=8")
        *parents, last = path.split(".")
        section = settings
        for name in parents:
            section = section.setdefault(name, {})
            if not isinstance(section, dict):
                raise CommandError(f"--set {text}: {name} was set to a value before")
        try:
            section[last] = read_yaml(value, name=path)
        except SpecError as error:
            raise explain(error, f"--set {text} cannot be read:") from None
    return settings


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, section by section. Raises: CommandError where they collide."""
    merged = dict(below)
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        elif name in merged and isinstance(value, dict):
            problem = Problem(name, "was given as a whole; its parts cannot be set beside that")
            raise explain(SpecError([problem]), "The settings contradict each other:")
        else:
            merged[name] = value
    return merged


def follow(run: Run) -> Run:
    """Show a bar on stderr until the run rests or ends. Returns: the run as it is then."""
    began, told = time.monotonic(), ""
    with tqdm(total=run.total, initial=run.done, unit=run.unit, disable=None) as bar:
        while run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            time.sleep(POLL_S)
            run.refresh_from_db()
            # A run that was taken over goes back to its last checkpoint, and the bar with it.
            bar.n = run.done
            bar.set_postfix(score_so_far(run), refresh=False)
            bar.refresh()
            waits = run.status == RunStatus.QUEUED and time.monotonic() - began > PATIENCE_S
            if waits and (news := run.reason or NOBODY_CAME) != told:
                bar.write(news)
                told = news
    return run


def score_so_far(run: Run) -> dict[str, str]:
    """The newest mean of what the run's system calls its score; empty where there is none."""
    score = SYSTEMS[run.system].score
    mean = run.latest_metrics.get(score.metric) if score else None
    return {} if mean is None else {score.title.lower(): f"{mean:.4g}"}


NOBODY_CAME = "No worker has taken the run yet. Is `make up` running, or are all workers busy?"
