"""Examples of the tenant routes that the OpenAPI schema shows; every value is made up."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample


def _asked(value: object) -> list[OpenApiExample]:
    return [OpenApiExample("Request", value=value, request_only=True)]


NAMED = _asked({"name": "Corner bakery"})
MEMBER = _asked({"role": "operator", "sites": ["store-12"]})
HAND_OVER = _asked({"user": "k7GmWq2ZxRtb"})
INVITATION = _asked({"role": "viewer", "email": "eve@example.com", "sites": None, "valid_days": 7})
TOKEN = _asked({"token": "hpi_example"})
