"""Read all files, the audit log, versions and aliases, and say what is not as it was left."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from tqdm import tqdm

from registry.aliases.checking import inconsistencies
from registry.artifacts import databases
from registry.artifacts.audit import Fault, audit, discard
from registry.artifacts.disk import clean_abandoned, root
from registry.artifacts.models import Artifact
from registry.audit.chain import check_chain
from registry.audit.models import AuditEntry
from registry.models import ModelVersion
from registry.versions.sealing import broken_seals

MOST_LINES = 50


class Command(BaseCommand):
    help = (
        "Compare all rows of the artifact store with all files, walk along the audit log, and "
        "compare versions and aliases with what it says. Ends with an error if a file is missing "
        "or damaged, or a row or an entry was changed or removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--discard",
            action="store_true",
            help="remove files without a row, and files that nothing uses",
        )
        parser.add_argument(
            "--anchor",
            help="the head of the audit log as an earlier `verify` printed it; it must still be "
            "part of the log",
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
        whole_chain = self._verify_chain(options["anchor"])
        sealed = self._verify_versions()
        consistent = self._verify_aliases()
        if not report.is_whole:
            raise CommandError(
                "Files are missing or damaged. Restore them from a backup under the names above; "
                "a file is named by the sha256 of its bytes."
            )
        if not whole_chain:
            raise CommandError(
                "The audit log was changed by somebody who went around the platform. Compare it "
                "with a backup; what it says since the first fault cannot be trusted."
            )
        if not sealed:
            raise CommandError(
                "Rows of versions were changed by somebody who went around the platform. Restore "
                "them from a backup; the audit log has the hash of what each said at first."
            )
        if not consistent:
            raise CommandError(
                "Aliases and their history differ: somebody changed rows around the platform. "
                "Move the alias to where it belongs; the audit log says where that is."
            )

    def _verify_versions(self) -> bool:
        total = ModelVersion.objects.count()
        with tqdm(total=total, unit="version", desc="versions", disable=None) as bar:
            found = list(broken_seals(bar.update))
        self.stdout.write(f"versions    {total}, {len(found)} changed")
        for finding in found[:MOST_LINES]:
            self.stdout.write(f"versions: {finding}")
        return not found

    def _verify_aliases(self) -> bool:
        found = inconsistencies()
        self.stdout.write(f"aliases     {len(found)} differ from their history")
        for finding in found[:MOST_LINES]:
            self.stdout.write(f"aliases: {finding}")
        return not found

    def _verify_chain(self, anchor: str | None) -> bool:
        total = AuditEntry.objects.count()
        with tqdm(total=total, unit="entry", desc="audit log", disable=None) as bar:
            chain = check_chain(anchor, bar.update)
        self.stdout.write(f"audit log   {chain.checked} entries, head {chain.head}")
        for finding in chain.findings[:MOST_LINES]:
            self.stdout.write(f"audit log: {finding}")
        return chain.is_whole


def refuse_if_shared() -> None:
    """Raises: CommandError if what has no row here may have one in another database."""
    if others := databases.others():
        raise CommandError(
            f"Nothing was discarded: other databases have stored files in {root()} as well. If "
            f"they are gone for good, remove their marks in {databases.folder()} "
            f"({', '.join(others)}) and do it again."
        )
