"""Whose request it is, by address, also behind proxies."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings


def address_of(request: Any) -> str:
    """The address of the client.

    Every proxy appends the address that it saw, so of HAMLET_PROXIES trusted ones the outermost
    wrote the entry as many places from the right; what stands left of it anybody can write. A
    request with fewer entries did not come through all of them: it counts as its direct peer.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    if settings.PROXIES < 1:
        return direct
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(entries) < settings.PROXIES:
        return direct
    return read_address(entries[-settings.PROXIES]) or direct


def read_address(text: str) -> str:
    """An address as proxies write it, with a port or not; empty if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
