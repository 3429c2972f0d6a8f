"""Tables that change through services alone: what a service refuses is said on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from hamlet.errors import HamletError, SpecError
from registry.errors import RegistryError

REFUSALS = (RegistryError, HamletError)


class ByServicesAdmin(admin.ModelAdmin):
    """A page that a service refused is shown again with its words, and nothing is half done.

    Forms ask the services beforehand where they can; this is for what changed in between.
    """

    show_full_result_count = False  # counting a large table takes longer than showing a page

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().changelist_view, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().delete_view, *args, **kwargs)

    @transaction.atomic
    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """Whole or not at all: a deletion that is refused leaves no note that it was done."""
        return super().response_action(request, queryset)

    def _or_say(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except REFUSALS as error:
            say(request, error)
            return HttpResponseRedirect(request.get_full_path())


def say(request: HttpRequest, error: Exception) -> None:
    for text in words_of(error):
        messages.error(request, text)


def words_of(error: Exception) -> list[str]:
    """What is wrong, each fault by itself."""
    if isinstance(error, SpecError):
        return [str(problem) for problem in error.problems]
    return [str(error)]


def do_for_each(
    request: HttpRequest, items: Iterable[Any], do: Callable[[Any], Any], done: str
) -> None:
    """Each by itself: one refusal stops nobody else, and says why.

    Args: done: what to call it, before the number of those that it was done to.
    """
    count = 0
    for item in items:
        try:
            with transaction.atomic():
                do(item)
        except REFUSALS as error:
            say(request, error)
        else:
            count += 1
    if count:
        messages.success(request, f"{done}: {count}.")
