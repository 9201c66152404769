"""Examples that the OpenAPI schema shows; every value is made up."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

_USER = {
    "uid": "k7GmWq2ZxRtb",
    "email": "ada@example.com",
    "display_name": "Ada",
    "platform_role": "user",
    "tenants": [{"uid": "pT4hVn8sYcEa", "name": "Ada", "role": "owner"}],
}
_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.e30.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "hpr_example",
    "refresh_expires_in": 2592000,
}
_LOGIN = {"email": "ada@example.com", "password": "correct horse battery"}
_SESSION = {
    "uid": "Zp3nQv7kLwXbRt5mHd9s",
    "kind": "api",
    "created_at": "2026-11-21T09:00:00Z",
    "last_used_at": "2026-11-21T09:10:00Z",
    "user_agent": "curl/8.5.0",
    "address": "192.0.2.7",
    "is_current": True,
}


def _asked(value: object) -> list[OpenApiExample]:
    return [OpenApiExample("Request", value=value, request_only=True)]


def _answered(value: object) -> list[OpenApiExample]:
    return [OpenApiExample("Answer", value=value, response_only=True)]


REGISTER = [
    *_asked({**_LOGIN, "display_name": "Ada"}),
    OpenApiExample(
        "Answer", value={**_TOKENS, "user": _USER}, response_only=True, status_codes=["201"]
    ),
]
LOGIN = [*_asked(_LOGIN), *_answered({**_TOKENS, "user": _USER})]
REFRESH = [*_asked({"refresh_token": "hpr_example"}), *_answered(_TOKENS)]
PASSWORD = _asked(
    {"current_password": "correct horse battery", "new_password": "staple of another kind"}
)
ME = _answered(_USER)
PROFILE = [*_asked({"display_name": "Ada L."}), *_answered({**_USER, "display_name": "Ada L."})]
SESSIONS = _answered({"items": [_SESSION], "next": None, "previous": None})
TICKET = _answered({"ticket": "example", "expires_in": 30})
