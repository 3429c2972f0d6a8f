"""Who may open a page: a decorator, so that every view says it in its first line."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required, permission_required

View = Callable[..., object]


def page_for(permission: str) -> Callable[[View], View]:
    """Strangers go to the sign-in page; people without the permission get 403."""

    def wrap(view: View) -> View:
        return login_required(permission_required(permission, raise_exception=True)(view))

    return wrap
