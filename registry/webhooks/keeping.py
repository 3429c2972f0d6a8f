"""What a person asks of webhooks: make, change, rotate, try, delete, send once more."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from hamlet.errors import Problem, SpecError
from hamlet.schema import Flag, Integer, ListOf, Section, Text, describe, validate
from registry.accounts.models import Classroom, User
from registry.accounts.queries import taught_classrooms
from registry.audit import actions
from registry.audit.services import record
from registry.webhooks import limits, services, signing
from registry.webhooks.addresses import LONGEST_URL, read_url
from registry.webhooks.errors import (
    AddressRefusedError,
    NotRedeliverableError,
    TooManyWebhooksError,
)
from registry.webhooks.models import DeliveryStatus, Webhook, WebhookDelivery

PING = "ping"
# A webhook is not told of webhooks: it would hear of its own making first.
EVENTS = tuple(action for action in actions.TITLES if action != actions.WEBHOOK_CHANGED)
FIELDS = {
    "name": Text(longest=100),
    "url": Text(longest=LONGEST_URL),
    "events": ListOf(Text(longest=60), shortest=1, longest=len(EVENTS), unique=True),
    "classroom": Integer(1, 2**31 - 1, None, optional=True),
    "active": Flag(True),
}


def create_webhook(user: User, fields: Mapping[str, Any]) -> tuple[Webhook, str]:
    """Returns: (the webhook, its secret, which is shown now and never again).

    Raises: SpecError naming every fault; TooManyWebhooksError.
    """
    read = read_fields(user, validate(Section(FIELDS), fields))
    with transaction.atomic():
        # The row of the owner is the lock: two at once do not pass the bound together.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if user.webhooks.count() >= limits.MOST_WEBHOOKS_PER_OWNER:
            raise TooManyWebhooksError(
                f"You have {limits.MOST_WEBHOOKS_PER_OWNER} webhooks. Delete one first."
            )
        webhook = Webhook.objects.create(owner=user, secret=signing.new_secret(), **read)
        note(webhook, user, "made")
    return webhook, webhook.secret


def change_webhook(webhook: Webhook, user: User, fields: Mapping[str, Any]) -> Webhook:
    """Change the given fields, and no others. Raises: SpecError naming every fault."""
    everything = validate(Section(FIELDS), {**current(webhook), **fields})
    # What is not given is not judged anew: a webhook to an address that is no longer allowed
    # can still be switched off.
    given = {name: value for name, value in everything.items() if name in fields}
    read = read_fields(webhook.owner, given)
    changed = [name for name, value in read.items() if getattr(webhook, name) != value]
    if not changed:
        return webhook
    with transaction.atomic():
        for name in changed:
            setattr(webhook, name, read[name])
        webhook.save(update_fields=changed)
        note(webhook, user, "changed", fields=sorted(changed))
    return webhook


def current(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "classroom": webhook.classroom_id,
        "active": webhook.active,
    }


def read_fields(owner: User, read: dict[str, Any]) -> dict[str, Any]:
    """What a schema cannot tell. Raises: SpecError naming every fault."""
    problems: list[Problem] = []
    if "name" in read and not read["name"].strip():
        problems.append(Problem("name", "found nothing; expected a name, to tell it apart later"))
    if "url" in read:
        try:
            read_url(read["url"])
        except AddressRefusedError as error:
            problems.append(Problem("url", str(error)))
    for at, event in enumerate(read.get("events", ())):
        if event not in EVENTS:
            message = f"found {describe(event)}; expected some of {', '.join(EVENTS)}"
            problems.append(Problem(f"events[{at}]", message))
    if read.get("classroom") is not None:
        read["classroom"] = find_classroom(owner, read["classroom"], problems)
    if problems:
        raise SpecError(problems)
    return read


def find_classroom(owner: User, number: int, problems: list[Problem]) -> Classroom | None:
    found = taught_classrooms(owner).filter(pk=number).first()
    if found is None:
        message = f"found {number}; expected the number of a class that {owner.username} teaches"
        problems.append(Problem("classroom", message))
    return found


def rotate_secret(webhook: Webhook, user: User) -> str:
    """Make a new secret. For a day messages are signed with the old one too.

    Returns: the new secret, which is shown now and never again.
    """
    with transaction.atomic():
        locked = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        locked.old_secret = locked.secret
        locked.old_secret_until = timezone.now() + limits.OLD_SECRET_FOR
        locked.secret = signing.new_secret()
        locked.save(update_fields=["secret", "old_secret", "old_secret_until"])
        note(webhook, user, "secret rotated")
    return locked.secret


def delete_webhook(webhook: Webhook, user: User) -> None:
    """With its messages and their history."""
    with transaction.atomic():
        note(webhook, user, "deleted")
        webhook.delete()


def ping(webhook: Webhook, user: User) -> WebhookDelivery:
    """Send a message that tells of nothing, to see whether it arrives.

    Raises: NotRedeliverableError for a webhook that is switched off.
    """
    check_active(webhook)
    event_id = uuid.uuid4()
    body = services.message(
        event_id,
        PING,
        happened_at=timezone.now().isoformat(),
        subject=webhook.name,
        kind="webhook",
        actor=user.username,
        details={},
    )
    with transaction.atomic():
        return services.enqueue(webhook, event_id, PING, body)


def redeliver(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a message once more, as a delivery of its own with the id of the same event.

    Raises: NotRedeliverableError if it is still on its way, or its webhook is switched off.
    """
    check_active(delivery.webhook)
    if delivery.status == DeliveryStatus.WAITING:
        raise NotRedeliverableError("This message is still on its way. Wait until it has ended.")
    with transaction.atomic():
        return services.enqueue(delivery.webhook, delivery.event_id, delivery.event, delivery.body)


def check_active(webhook: Webhook) -> None:
    if not webhook.active:
        raise NotRedeliverableError(f"{webhook.name} is switched off. Switch it on first.")


def drop_old_deliveries() -> int:
    """Forget ended messages after a month. Returns: how many."""
    before = timezone.now() - limits.DELIVERIES_KEPT_FOR
    return WebhookDelivery.objects.filter(ended_at__lt=before).delete()[0]


def note(webhook: Webhook, user: User, what: str, **details: Any) -> None:
    """Neither secret nor path stands in the log, which more people read than the owner."""
    record(
        actions.WEBHOOK_CHANGED,
        actor=user,
        kind="webhook",
        subject=f"{webhook.name} ({webhook.pk})",
        classroom_id=webhook.classroom_id,
        details={"what": what, "host": read_host(webhook.url), **details},
    )


def read_host(url: str) -> str:
    try:
        return read_url(url).authority
    except AddressRefusedError:
        return ""  # the settings allow it no more
