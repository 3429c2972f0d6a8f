"""What can go wrong with a webhook, in the words of whoever set it up."""

from __future__ import annotations

from registry.errors import ConflictError, RegistryError


class WebhookError(RegistryError):
    """Base of every refusal of webhooks."""


class AddressRefusedError(WebhookError):
    """The address is none that this server sends to. Trying again does not help."""


class NotDeliveredError(WebhookError):
    """The network, the name or the far end failed; another attempt may succeed."""


class TooManyWebhooksError(ConflictError):
    """One account has as many webhooks as it may have."""


class NotRedeliverableError(ConflictError):
    """The message is still on its way, or its webhook is switched off."""
