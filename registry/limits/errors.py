"""What a program hears that asks too often."""

from __future__ import annotations

import math

from registry.errors import OverloadedError


class TooManyRequestsError(OverloadedError):
    """The token has used up its requests. Answered with 429, Retry-After and RateLimit headers."""

    def __init__(self, per_minute: int, burst: int, wait_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(
            f"This token may send {per_minute} requests per minute, {burst} of them at once. "
            f"Try again in {self.retry_after_s} s, or ask an admin for more."
        )
        # draft-ietf-httpapi-ratelimit-headers-10: what is allowed, and what is left of it.
        self.headers = {
            "RateLimit-Policy": f'"token";q={per_minute};w=60',
            "RateLimit": f'"token";r=0;t={self.retry_after_s}',
        }
