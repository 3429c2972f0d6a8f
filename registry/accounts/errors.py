"""What can go wrong with accounts, in the words of the person at the keyboard."""

from __future__ import annotations


class AccountError(Exception):
    """Base of every refusal in this package. `field` names the form field it belongs to."""

    field: str | None = None


class UnknownJoinCodeError(AccountError):
    field = "code"


class AlreadyMemberError(AccountError):
    field = "code"


class UsernameError(AccountError):
    field = "username"


class PasswordError(AccountError):
    field = "password"


class TokenError(AccountError):
    """A token cannot be made as asked: wrong scopes, expiry or name."""


class LastAdminError(AccountError):
    """The only admin would lose the role, and nobody could give it back."""


class TooManyAttemptsError(AccountError):
    """Somebody guesses. `retry_after_s` says when the next attempt is taken."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"Too many attempts. Try again in {spell_wait(retry_after_s)}.")


class ThrottleUnavailableError(AccountError):
    """Attempts cannot be counted, so none is taken: guessing must not get a free hour."""

    def __init__(self) -> None:
        super().__init__(
            "Signing in is not possible at this moment: the Valkey server does not answer. "
            "Try again in a minute, or ask whoever runs this site to look at /readyz."
        )


def spell_wait(seconds: int) -> str:
    if seconds < 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
