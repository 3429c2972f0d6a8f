"""Show webhooks and how their messages fare; try one, or send what was left lying."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q
from django.utils import timezone

from registry.models import Webhook
from registry.webhooks import execution, keeping, queries
from registry.webhooks.errors import NotRedeliverableError


class Command(BaseCommand):
    help = "List webhooks with their messages. --ping ID tries one now; --send sends what waits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ping", type=int, metavar="ID")
        parser.add_argument("--send", action="store_true", help="messages that are overdue")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["ping"] is not None:
            self._ping(options["ping"])
        if options["send"]:
            self._send()
        if options["ping"] is None and not options["send"]:
            self._list()

    def _list(self) -> None:
        found = Webhook.objects.select_related("owner").annotate(
            waiting=Count("deliveries", Q(deliveries__status="waiting")),
            failed=Count("deliveries", Q(deliveries__status="failed")),
        )
        for webhook in found.order_by("pk"):
            state = "on" if webhook.active else "off"
            self.stdout.write(
                f"{webhook.pk:>5} {webhook.name} ({webhook.owner}, {state}): "
                f"{keeping.read_host(webhook.url)}, {webhook.waiting} waiting, "
                f"{webhook.failed} failed"
            )

    def _ping(self, pk: int) -> None:
        webhook = Webhook.objects.select_related("owner").filter(pk=pk).first()
        if webhook is None:
            raise CommandError(f"There is no webhook {pk}. Without arguments I list them.")
        try:
            delivery = keeping.ping(webhook, webhook.owner)
        except NotRedeliverableError as error:
            raise CommandError(str(error)) from None
        # Here and now, so that whoever asks sees the answer; a worker finds it done.
        execution.send(delivery.pk)
        delivery.refresh_from_db()
        self.stdout.write(f"{delivery.status} {delivery.answer_status or ''} {delivery.problem}")

    def _send(self) -> None:
        overdue = list(queries.overdue_deliveries(timezone.now()).values_list("pk", flat=True))
        for pk in overdue:
            execution.send(pk)
        self.stdout.write(f"sent        {len(overdue)} messages")
