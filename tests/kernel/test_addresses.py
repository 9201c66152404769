"""Addresses and cursors that no client of ours makes."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.accounts.people import client_of, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.mark.parametrize("address", ["/api/v1/devices/a%00b", "/api/v1/devices?search=a%00b"])
def test_a_nul_in_an_address_is_a_clear_refusal(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_error"
    assert answer.json()["request_id"] == answer["X-Request-ID"]


@pytest.mark.parametrize("cursor", ["cD1hYmM=", "%%%", "bz0tMQ==", "x" * 500])
def test_an_invented_cursor_is_a_clear_refusal_or_an_empty_start(cursor: str) -> None:
    someone = client_of(sign_in(make_user()))

    answer = someone.get("/api/v1/devices", {"cursor": cursor})

    assert answer.status_code in {200, 400, 404}
    assert "items" in answer.json() or answer.json()["code"] in {"validation_error", "not_found"}


def test_an_order_that_is_not_offered_is_refused() -> None:
    someone = client_of(sign_in(make_user()))

    answer = someone.get("/api/v1/devices", {"ordering": "hardware_id"})

    assert answer.status_code == 400
    assert "ordering" in answer.json()["details"]
