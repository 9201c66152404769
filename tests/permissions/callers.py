"""Everyone who might ask: people by their part in the tenants, and machines by their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from tests.accounts import people
from tests.permissions.world import ROLES, World

API = "api/v1/"
_LOGINS = ("/login", "/admin/login/")
# Not one of METRICS_ALLOW.
_ADDRESS = "203.0.113.9"
_CHANGING = re.compile(
    rb'"request_id":"[^"]*"|csrfmiddlewaretoken" value="[^"]*"|name="csrf[^>]*>|nonce="[^"]*"'
    rb"|<code[^>]*>[^<]*</code>"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets to see, without what is new in every answer."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]
    code: str = field(default="", compare=False)

    @property
    def is_success(self) -> bool:
        """Whether it let the caller in."""
        return self.status < 400 and not self.leads_to_login

    @property
    def leads_to_login(self) -> bool:
        """Whether it is how a page turns strangers away."""
        return dict(self.headers).get("Location", "").startswith(_LOGINS)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One who asks, and what they are in the near tenant."""

    name: str
    api: Client
    pages: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    role: str | None = None
    is_limited: bool = False
    is_user: bool = True
    is_platform_admin: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def allows(self, least: str | None) -> bool:
        """Whether the caller's role in the near tenant is at least that one."""
        if least is None:
            return True
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(least)

    def call(self, method: str, path: str, body: Any, **headers: str) -> Answer:
        """Ask; an exception of the product is an answer with status 500."""
        is_api = path.startswith(f"/{API}")
        client = self.api if is_api else self.pages
        sent: dict[str, Any] = {}
        if method not in {"GET", "HEAD"}:
            sent = {"data": body, "format": "json"} if is_api else {"data": body or {}}
        call = getattr(client, method.lower())
        # What an answer does to the cookies (a logout) is not for the next cell.
        kept = client.cookies.copy()
        client.cookies = kept.copy()
        try:
            response = call(path, **sent, **{"REMOTE_ADDR": _ADDRESS, **self.headers, **headers})
        finally:
            client.cookies = kept
        return _answer(response, path)


def _answer(response: Any, path: str) -> Answer:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    kept = ("Content-Type", "Location", "Retry-After", "Allow", "WWW-Authenticate")
    named = path.rstrip("/").encode()
    headers = tuple(
        (name, response[name].replace(f"next={path}", "next="))
        for name in kept
        if response.has_header(name)
    )
    is_json = "json" in response.get("Content-Type", "")
    code = response.json().get("code", "") if is_json and response.status_code >= 400 else ""
    if not is_json:
        content = content.replace(named, b"")
    return Answer(response.status_code, _CHANGING.sub(b"", content), headers, code)


def callers_of(world: World) -> list[Caller]:
    """The ten kinds of actors."""
    near = world.near
    members = [
        _person(role, near.people[role], role=role, tenant=near.tenant.uid) for role in ROLES
    ]
    return [
        Caller(name="anonymous", api=_stranger(), is_user=False),
        _person("outsider", world.outsider),
        *members,
        _person(
            "limited operator",
            near.people["limited"],
            role="operator",
            is_limited=True,
            tenant=near.tenant.uid,
        ),
        _person("platform admin", world.administrator, is_platform_admin=True),
        _device("device", near.device, near.device_key),
        _device("archived device", near.archived, near.former_key),
    ]


def key_holders(world: World) -> list[Caller]:
    """Who brings a provisioning key: of this tenant, of the other, or none that is good."""
    keys = {"near key": world.near.batch_key, "far key": world.far.batch_key, "wrong key": "hpk_no"}
    return [
        Caller(name=name, api=_stranger(), is_user=False, headers={"HTTP_X_PROVISION_KEY": key})
        for name, key in keys.items()
    ]


def _stranger() -> Client:
    return APIClient(raise_request_exception=False)


def _person(name: str, user: User, *, tenant: str = "", **more: Any) -> Caller:
    client = APIClient(raise_request_exception=False)
    token = people.tokens_of(people.sign_in(user)).access_token
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    browser = people.browser_of(user, raise_request_exception=False)
    if tenant:
        browser.post("/tenant", {"tenant": tenant})
    return Caller(
        name=name,
        api=client,
        pages=browser,
        headers={"HTTP_X_TENANT": tenant} if tenant else {},
        **more,
    )


def _device(name: str, uid: str, key: str) -> Caller:
    headers = {"HTTP_X_DEVICE_ID": uid, "HTTP_X_API_KEY": key}
    return Caller(name=name, api=_stranger(), is_user=False, headers=headers)
