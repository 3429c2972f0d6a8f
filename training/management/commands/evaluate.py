"""Play held-out episodes with trained agents and with scripts, and compare."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import HamletError, SpecError
from registry.errors import RegistryError
from registry.queries import find_version
from training.command_line import explain, find_run, find_user


class Command(BaseCommand):
    help = "Evaluate agents on held-out episodes: manage.py evaluate --model town-L1 --gate"

    def add_arguments(self, parser: ArgumentParser) -> None:
        subjects = parser.add_argument_group("what to evaluate (several: the median is judged)")
        subjects.add_argument(
            "--model",
            action="append",
            default=[],
            metavar="NAME[@VERSION]",
            help="a registered model, by number or alias; else its latest version",
        )
        subjects.add_argument("--run", action="append", default=[], help="id of a run")
        subjects.add_argument("--checkpoint", action="append", default=[], metavar="FILE")
        subjects.add_argument("--along", metavar="RUN", help="every checkpoint kept of this run")
        subjects.add_argument("--feedforward", metavar="FILE_OR_RUN", help="compared, for L2")
        parser.add_argument("--level", help="a shipped level, where it is not known or changed")
        parser.add_argument("--episodes", type=int, default=1000)
        parser.add_argument("--seed", type=int, default=0, help="of the set of episodes")
        parser.add_argument("--long", action="store_true", help="also at 4 times the time limit")
        parser.add_argument("--stages", action="store_true", help="also at each curriculum stage")
        parser.add_argument("--gate", action="store_true", help="judge; fail if a gate is not met")
        parser.add_argument("--json", metavar="FILE", help="write all numbers there; - for stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        # Sums over several threads differ in the last bit, and a choice may hang on it.
        import torch

        torch.set_num_threads(1)
        try:
            reports = self.measure(options)
        except SpecError as error:
            raise explain(error, "Nothing was evaluated:") from None
        except (HamletError, RegistryError, OSError) as error:
            raise CommandError(str(error)) from None
        failed = self.judge(reports[0], options) if options["gate"] else []
        if options["json"]:
            self.write_json(reports, options)
        if failed:
            raise CommandError(f"{len(failed)} gates are not met.")

    def measure(self, options: dict[str, Any]) -> list[Any]:
        """Raises: SpecError, HamletError, RegistryError, OSError."""
        from training import evaluating

        level = options["level"]
        subjects = chosen_subjects(options, level)
        feedforward = options["feedforward"] and one_subject(options["feedforward"], level)
        reports = []
        for setting in chosen_settings(options, subjects[0].system):
            with tqdm(desc=setting.label, unit="episode", disable=None) as bar:

                def show(name: str, count: int, bar: tqdm = bar) -> None:
                    bar.set_postfix_str(f"{name} {count}")

                report = evaluating.measure(
                    subjects,
                    setting,
                    scripts=not options["along"],
                    feedforward=feedforward or None,
                    ablation=options["gate"],
                    on_episodes=show,
                )
            reports.append(report)
            if options["json"] != "-":
                self.stdout.write("\n".join([*evaluating.table(report), ""]))
        return reports

    def judge(self, report: Any, options: dict[str, Any]) -> list[Any]:
        """Print the verdicts. Returns: those that are not met."""
        try:
            verdicts = report.verdicts()
        except SpecError as error:
            raise explain(error, "There is nothing to judge by:") from None
        if options["json"] != "-":
            self.stdout.write(f"gates of {report.level.name}, on {report.judged}:")
            for verdict in verdicts:
                self.stdout.write(f"  {verdict}")
        return [verdict for verdict in verdicts if not verdict.met]

    def write_json(self, reports: list[Any], options: dict[str, Any]) -> None:
        data = {"command": " ".join(sys.argv), "reports": [report.to_data() for report in reports]}
        if options["gate"]:
            data["gates"] = [verdict.to_data() for verdict in reports[0].verdicts()]
        text = json.dumps(data, indent=1)
        if options["json"] == "-":
            self.stdout.write(text)
            return
        try:
            Path(options["json"]).write_text(text + "\n")
        except OSError as error:
            raise CommandError(f"{options['json']} cannot be written: {error}") from None


def chosen_subjects(options: dict[str, Any], level: str | None) -> list[Any]:
    from training import evaluating

    subjects = [evaluating.run_subject(find_run(text), level) for text in options["run"]]
    subjects += [evaluating.file_subject(Path(name), level) for name in options["checkpoint"]]
    for text in options["model"]:
        name, _, version = text.partition("@")
        found = find_version(find_user(None), name, version or "latest")
        subjects.append(evaluating.version_subject(found, level))
    if options["along"]:
        run = find_run(options["along"])
        for checkpoint in evaluating.inference_checkpoints(run):
            subjects.append(evaluating.run_subject(run, level, checkpoint))
    if not subjects:
        raise CommandError("Say what to evaluate: --model, --run, --checkpoint or --along.")
    names = [subject.name for subject in subjects]
    if len(set(names)) != len(names):
        # Two files of one name, or a thing named twice, would overwrite each other's results.
        raise CommandError(f"Two subjects have one name ({', '.join(names)}). Name each once.")
    return subjects


def one_subject(text: str, level: str | None) -> Any:
    from training import evaluating

    path = Path(text)
    if path.exists():
        return evaluating.file_subject(path, level)
    return evaluating.run_subject(find_run(text), level)


def chosen_settings(options: dict[str, Any], system: str) -> list[Any]:
    """Raises: SpecError for circumstances that the system does not know."""
    from training.evaluating import Setting, evaluation_of

    common = {"episodes": options["episodes"], "seed": options["seed"]}
    chosen = {"long": options["long"], "stages": options["stages"]}
    further = evaluation_of(system).circumstances(**chosen)
    settings = [Setting("as it is", **common)]
    return settings + [Setting(label, **common, more=more) for label, more in further]
