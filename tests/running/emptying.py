"""After a test with real transactions: every table as a fresh `migrate` leaves it.

Django's own way truncates these tables too, and then makes content types, permissions and our
roles anew, which takes longer than the rest. Here those stay, unless the test changed a role.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tests.running.people import ensure_roles

KEPT = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
ROLES = (
    "SELECT auth_group.id, name, permission_id FROM auth_group "
    "LEFT JOIN auth_group_permissions ON group_id = auth_group.id ORDER BY 1, 3"
)

_roles: list[tuple] = []  # as the migrations made them


def note_roles() -> None:
    """Before the first test, which may change them."""
    with connection.cursor() as cursor:
        _roles[:] = found_roles(cursor)


def empty_tables() -> None:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = ", ".join(map(connection.ops.quote_name, sorted(set(names) - KEPT)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}")
        if found_roles(cursor) != _roles:
            cursor.execute("DELETE FROM auth_group_permissions")
            cursor.execute("DELETE FROM auth_group")
            ensure_roles()
            _roles[:] = found_roles(cursor)


def found_roles(cursor: CursorWrapper) -> list[tuple]:
    cursor.execute(ROLES)
    return cursor.fetchall()
