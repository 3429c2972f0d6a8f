"""Read every stored file and say what is missing, damaged, stray or unused."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from tqdm import tqdm

from registry.artifacts import databases
from registry.artifacts.audit import Fault, audit, discard
from registry.artifacts.disk import clean_abandoned, root
from registry.artifacts.models import Artifact

MOST_LINES = 50


class Command(BaseCommand):
    help = (
        "Compare all rows of the artifact store with all files. Ends with an error if a file is "
        "missing or damaged."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--discard",
            action="store_true",
            help="remove files without a row, and files that nothing uses",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        total = Artifact.objects.aggregate(total=Sum("size_bytes"))["total"] or 0
        with tqdm(total=total, unit="B", unit_scale=True, desc="verify", disable=None) as bar:
            report = audit(bar.update)
        abandoned = clean_abandoned()
        self.stdout.write(f"{root()}")
        self.stdout.write(f"checked     {report.checked} files, {report.checked_bytes} bytes")
        for fault in Fault:
            self.stdout.write(f"{fault.value:<11} {report.count(fault)}")
        self.stdout.write(f"abandoned   {abandoned} temporary files removed")
        for finding in report.findings[:MOST_LINES]:
            self.stdout.write(f"{finding.fault.value}: {finding.what}: {finding.detail}")
        if len(report.findings) > MOST_LINES:
            self.stdout.write(f"... and {len(report.findings) - MOST_LINES} more")
        if options["discard"]:
            refuse_if_shared()
            self.stdout.write(f"discarded   {discard(report)} files")
        if not report.is_whole:
            raise CommandError(
                "Files are missing or damaged. Restore them from a backup under the names above; "
                "a file is named by the sha256 of its bytes."
            )


def refuse_if_shared() -> None:
    """Raises: CommandError if what has no row here may have one in another database."""
    if others := databases.others():
        raise CommandError(
            f"Nothing was discarded: other databases have stored files in {root()} as well. If "
            f"they are gone for good, remove their marks in {databases.folder()} "
            f"({', '.join(others)}) and do it again."
        )
