"""How far a webhook may go: times, sizes, attempts, and what the operator allows besides.

| setting | default | meaning |
|---|---|---|
| HAMLET_WEBHOOK_HTTP | off | on: plain http too, inside a lab that has no certificates |
| HAMLET_WEBHOOK_NETWORKS | none | comma-separated networks of the lab's own that may be sent to |
| HAMLET_WEBHOOK_CA_FILE | none | certificates (PEM) that are trusted besides the system's |
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

CONNECT_S = 5.0  # to one address, and as long again for its TLS
TOTAL_S = 10.0  # from the look-up of the name to the last byte of the answer
MOST_ANSWER_BYTES = 64 * 1024
MOST_ADDRESSES = 4  # that are tried, of those that a name has

MOST_ATTEMPTS = 20  # about a quarter of an hour
LONGEST_PAUSE_S = 60
# A worker that took a message and was not heard of for this long has lost it to the next one.
LEASE = timedelta(seconds=6 * TOTAL_S)
OLD_SECRET_FOR = timedelta(days=1)
DELIVERIES_KEPT_FOR = timedelta(days=30)
MOST_WEBHOOKS_PER_OWNER = 20


def pause_s(attempts: int) -> float:
    """Before the next attempt, after so many: 1, 2, 4 .. 60 s."""
    return min(2.0 ** (attempts - 1), LONGEST_PAUSE_S)


def allows_http() -> bool:
    return bool(settings.WEBHOOK_HTTP)


def allowed_networks() -> list[IPv4Network | IPv6Network]:
    """Raises: ImproperlyConfigured."""
    try:
        return [ip_network(text.strip()) for text in settings.WEBHOOK_NETWORKS]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"HAMLET_WEBHOOK_NETWORKS: {error}; expected networks such as 10.1.0.0/16, by comma"
        ) from None
