"""Search for the config that learns best, wait for it, and print what was found."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import SpecError
from hamlet.schema import read_yaml, write_yaml
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.jobs import services
from registry.jobs.models import Job, JobStatus
from training.command_line import merge, read_document, read_settings
from training.errors import TrainingError
from training.hypersearch.reading import DEFAULT_AT_ONCE, DEFAULT_SAMPLES, EARLY_STOPPING
from training.hypersearch.trials import METRIC, NAME, best_of, trials_of

POLL_S = 0.5
INTERRUPTED = 130
FIELDS = ("dataset", "num_samples", "max_concurrent", "early_stopping", "seed", "name", "model")
MORE_FIELDS = ("base_version", "classroom", "device")


class Command(BaseCommand):
    help = (
        "Search for the config that learns best: manage.py hypersearch --dataset sunday "
        "--try 'learning_rate={loguniform: [0.0001, 0.01]}'"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dataset", required=True, help="name of what is learned from")
        parser.add_argument(
            "--try",
            action="append",
            required=True,
            dest="tries",
            metavar="PATH=VALUES",
            help="a setting and its values, such as batch_size={int: [32, 256]}; choice, uniform, "
            "loguniform or int; may be given several times",
        )
        parser.add_argument("--config", metavar="FILE", help="YAML that all trials share")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PATH=VALUE",
            dest="settings_",
            help="a setting that all trials share, such as epochs=20; may be given several times",
        )
        parser.add_argument("--num-samples", type=int, help=f"trials, default {DEFAULT_SAMPLES}")
        parser.add_argument(
            "--max-concurrent", type=int, help=f"trials at once, default {DEFAULT_AT_ONCE}"
        )
        parser.add_argument("--early-stopping", help=f"one of {', '.join(EARLY_STOPPING)}")
        parser.add_argument("--base-version", help="all begin with its weights: model:1.2.0")
        parser.add_argument("--seed", type=int, help="equal seeds begin with equal trials")
        parser.add_argument("--name", help="what lists call the search")
        parser.add_argument("--model", help="gets the version of the best trial")
        parser.add_argument("--classroom", help="name of a class that may watch")
        parser.add_argument("--device", help="cpu or gpu")
        parser.add_argument("--user", help="as this user; the first admin unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        job = queue(options)
        self.stdout.write(f"search {job.pk} is queued: {job.request['name']}")
        self.stdout.flush()
        try:
            follow(job)
        except KeyboardInterrupt:
            self.stderr.write(f"\nThe search goes on. Stop it with: manage.py jobs cancel {job.pk}")
            sys.exit(INTERRUPTED)
        if job.status != JobStatus.SUCCEEDED:
            raise CommandError(f"The search {job.status}: {job.reason or 'see manage.py jobs'}")
        found = job.result
        self.stdout.write(
            f"best of {len(found['results'])} trials: trial {found['best_trial']} with {METRIC} "
            f"{found['best_value']:.4f}, registered as {found['model']} {found['model_version']}"
        )
        self.stdout.write(write_yaml(found["best_config"]).rstrip())


def queue(options: dict[str, Any]) -> Job:
    """Raises: CommandError."""
    config = read_document(options["config"]) if options["config"] else {}
    asked = {
        "config": merge(config, read_settings(options["settings_"])),
        "search_space": read_tries(options["tries"]),
        **{n: options[n] for n in (*FIELDS, *MORE_FIELDS) if options[n] is not None},
    }
    try:
        return services.queue_job(find_person(options["user"]), asked, kind=NAME)[0]
    except SpecError as error:
        raise explain(error, "The search was not started:") from None
    except (RegistryError, TrainingError) as error:
        raise CommandError(str(error)) from None


def read_tries(tries: list[str]) -> dict[str, Any]:
    """`["batch_size={int: [1, 8]}"]` as a search space. Raises: CommandError."""
    space: dict[str, Any] = {}
    for text in tries:
        path, found, values = text.partition("=")
        if not found or not path:
            raise CommandError(
                f"--try {text}: expected path=values, such as epochs={{int: [1, 8]}}"
            )
        if path in space:
            raise CommandError(f"--try {text}: {path} was given before")
        try:
            space[path] = read_yaml(values, name=path)
        except SpecError as error:
            raise explain(error, f"--try {text} cannot be read:") from None
    return space


def follow(job: Job) -> None:
    """Show a bar on stderr, with the best so far, until the search has ended."""
    with tqdm(total=job.total, unit="trial", disable=None) as bar:
        while True:
            job.refresh_from_db()
            best = best_of(trials_of(job.state))
            if best is not None:
                bar.set_postfix({f"best {METRIC}": f"{best.value:.4f}"}, refresh=False)
            bar.n = job.done
            bar.refresh()
            if job.ended:
                return
            time.sleep(POLL_S)
