"""The permission matrix against the URL configuration, and against the product itself."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.test import Client
from django.utils import timezone

from tests.architecture.permission_matrix import ROWS, row_of
from tests.architecture.permission_words import Access
from tests.architecture.routes import Route, routes

# Rate limits and locks commit on their own, so the calls run as they do in production.
pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

WITH_BODY = {"POST", "PATCH", "PUT"}
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
STRANGER_ADDRESS = "203.0.113.9"
# Bodies that are well formed, where the form is looked at before the caller.
BODIES = {
    "api/v1/provision/register": {
        "hardware_id": "matrix-1",
        "device_class": "relay_controller",
        "device_type": "board",
        "model": "m",
        "firmware_version": "1",
        "capabilities": ["relay"],
        "relay_count": 1,
        "provision_key": "not the key",
    },
    "api/v1/devices/sites/<str:site_id>/devices": {"device_id": "matrix-1"},
}


def access_of(route: Route) -> Access | None:
    row = row_of(route.pattern, route.method)
    return row.access if row else None


def call(route: Route, client: Client) -> Any:
    return client.generic(
        route.method,
        route.path,
        data=json.dumps(BODIES.get(route.pattern, {})) if route.method in WITH_BODY else "",
        content_type="application/json",
        REMOTE_ADDR=STRANGER_ADDRESS,
    )


def is_refused(response: Any) -> bool:
    if response.status_code in REFUSED:
        return True
    goes_to = response.headers.get("Location", "")
    logins = (resolve_url(settings.LOGIN_URL), "/admin/login/")
    is_sent_on = response.status_code in {HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT}
    return is_sent_on and goes_to.startswith(logins)


def test_every_route_has_a_row() -> None:
    without = [f'("{r.pattern}", "{r.method}"): ?' for r in routes() if access_of(r) is None]
    assert without == [], "add these rows to tests/architecture/permission_matrix.py"


def test_every_row_has_a_route() -> None:
    known = {(route.pattern, route.method) for route in routes()}
    assert ROWS.keys() - known == set()


def test_every_row_says_what_its_path_names() -> None:
    """A path with an id must say of what, or the tenant matrix could not try a foreign one.

    What is public names nobody's object: there the path itself is the secret.
    """
    silent = [
        f'("{pattern}", "{method}")'
        for pattern, method in ROWS
        if (row := row_of(pattern, method)) and row.access != "public"
        if "<" in pattern and row.names == "none"
    ]
    assert silent == [], 'write these rows in full: may("viewer", "device")'


def test_a_stranger_gets_nothing_but_the_public_routes() -> None:
    wrong = []
    for route in routes():
        response = call(route, Client(raise_request_exception=False))
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            continue
        expected = access_of(route) != "public"
        if (
            is_refused(response) != expected
            or response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            wrong.append(f"{route.method} {route.path}: {response.status_code}")
    assert not wrong, "\n".join(wrong)


def test_a_user_without_the_platform_role_gets_no_staff_route(plain_user: Any) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(plain_user)
    wrong = []
    for route in routes():
        if access_of(route) != "staff" or "unknown-1" in route.path:
            continue
        response = call(route, client)
        if response.status_code != HTTPStatus.NOT_FOUND and not is_refused(response):
            wrong.append(f"{route.method} {route.path}: {response.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def plain_user(django_user_model: Any) -> Any:
    return django_user_model.objects.create(
        email="plain@example.com", display_name="Plain", date_joined=timezone.now()
    )
