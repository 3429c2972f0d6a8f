"""Every route there is, as the resolver, the socket router and the admin know them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADMIN_PAGES = ("changelist", "add", "change", "history", "delete")


@dataclass(frozen=True)
class Route:
    """One address. `methods` is None where only calling it can tell."""

    name: str
    pattern: str
    methods: tuple[str, ...] | None


def every_route(patterns: Any = None, prefix: str = "", space: str = "") -> Iterator[Route]:
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from every_route(entry.url_patterns, pattern, inner)
        elif isinstance(entry, URLPattern):
            name = space + (entry.name or str(entry.pattern))
            yield Route(name, pattern, declared_methods(entry.callback))


@functools.cache
def routes_by_name() -> dict[str, Route]:
    return {route.name: route for route in every_route()}


def declared_methods(view: Any) -> tuple[str, ...] | None:
    """Of a class-based view, Django's or DRF's; None for a function."""
    view_class = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if view_class is None:
        return None
    allowed = {method.upper() for method in view_class.http_method_names}
    return tuple(
        method for method in METHODS if method in allowed and hasattr(view_class, method.lower())
    )


def admin_tables() -> dict[str, admin.ModelAdmin]:
    return {
        f"{model._meta.app_label}.{model._meta.model_name}": model_admin
        for model, model_admin in admin.site._registry.items()
    }


def admin_route_names(label: str, model_admin: admin.ModelAdmin) -> set[str]:
    """Names of the routes of one table, without namespace; its redirect has none."""
    return {route.name for route in model_admin.get_urls() if route.name}


def is_admin_table(route: Route) -> bool:
    """Whether the route belongs to a table, which AdminRow covers."""
    tables = {label.replace(".", "/") for label in admin_tables()}
    return any(route.pattern.startswith(f"admin/{table}/") for table in tables)


def missing_and_stale(routes: list[Route], rows: list[Any]) -> tuple[list[str], list[str]]:
    """Routes or methods without a row, and rows without a route."""
    known = {(row.method, row.route) for row in rows}
    by_name = {row.route for row in rows}
    missing = []
    for route in routes:
        if route.name not in by_name:
            missing.append(f"{route.name} ({route.pattern})")
        for method in route.methods or ():
            if route.name in by_name and (method, route.name) not in known:
                missing.append(f"{method} {route.name} ({route.pattern})")
    names = {route.name for route in routes}
    stale = [str(row) for row in rows if row.route not in names]
    return missing, stale
