"""The serving application: predictions over ASGI, without Django's request, before Django."""
