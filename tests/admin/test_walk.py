"""Every list and a page of every table: who runs the platform, staff, members, strangers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import models
from django.test import Client

from kernel.admin import secrets
from tests.accounts import people
from tests.admin.world import (
    give_everything,
    list_address,
    make_staff,
    model_admins,
    row_address,
    rows_of,
)
from tests.permissions.world import World

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def _kept(answer: Any) -> str:
    body: str = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", body) == []
    assert re.findall(r"<style\b|\sstyle=|\son[a-z]+=\"", body) == []
    return body


def _list_of(model_admin: Any, world: World) -> str:
    asked = f"?device={world.near.device}" if model_admin.needs_device else ""
    return f"{list_address(model_admin.model)}{asked}"


def test_who_runs_the_platform_sees_every_list_and_a_page_of_each_and_no_secret(
    world: World,
) -> None:
    browser = people.browser_of(world.administrator)
    pages = [_kept(browser.get("/admin/"))]
    for model, model_admin in model_admins().items():
        answer = browser.get(_list_of(model_admin, world))
        assert answer.status_code == 200, model
        pages.append(_kept(answer))
        assert browser.get(f"{list_address(model)}?q=zebra").status_code == 200
        row = rows_of(model).first()
        if row is None:
            assert model._meta.label_lower == "auth.group"
            continue
        page = browser.get(row_address(row))
        assert page.status_code == 200, model
        pages.append(_kept(page))
    everything = "\n".join(pages)
    assert [name for value, name in _secret_values() if value in everything] == []


def _secret_values() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for model in model_admins():
        for column in model._meta.concrete_fields:
            if not secrets.is_secret(column):
                continue
            for value in rows_of(model).values_list(column.attname, flat=True)[:20]:
                text = bytes(value).hex() if isinstance(value, bytes | memoryview) else value
                if isinstance(text, str) and len(text) >= 16:
                    found.append((text, f"{model._meta.label}.{column.name}"))
    assert len(found) > 20
    return found


def test_staff_see_rows_of_their_own_tenant_and_nothing_of_the_platform(world: World) -> None:
    near = world.near.people["operator"]
    browser = make_staff(world, near)
    give_everything(near)
    strangers = _names(world)
    assert browser.get("/admin/").status_code == 200
    for model, model_admin in model_admins().items():
        answer = browser.get(_list_of(model_admin, world))
        if not model_admin.is_for_staff:
            assert answer.status_code == 403, model
            row = rows_of(model).first()
            assert row is None or browser.get(row_address(row)).status_code in {302, 403}
            continue
        assert answer.status_code == 200, model
        body = _kept(answer)
        assert [name for name in strangers if name in body] == [], model
        for row in rows_of(model):
            is_ours = _tenant_of(row, world)
            page = browser.get(row_address(row))
            if is_ours is False:
                # As for a row that is not there: back to the first page.
                assert page.status_code == 302, (model, row)
                break


def test_staff_who_are_limited_to_a_site_see_no_device_elsewhere(world: World) -> None:
    browser = make_staff(world, world.near.people["limited"])
    body = browser.get("/admin/devices/device/?life=all").content.decode()
    assert world.near.device in body
    assert world.near.elsewhere not in body
    assert world.far.device not in body
    groups = browser.get("/admin/accounts/user/")
    assert world.near.people["owner"].email not in groups.content.decode()


def test_staff_see_only_the_models_they_have_been_given(world: World) -> None:
    browser = make_staff(world, world.near.people["viewer"], "view_device")
    assert browser.get("/admin/devices/device/").status_code == 200
    assert browser.get("/admin/devices/site/").status_code == 403
    assert browser.get("/admin/audit/auditentry/").status_code == 403
    start = browser.get("/admin/").content.decode()
    assert "/admin/devices/device/" in start
    assert "/admin/commands/" not in start
    assert "Newest changes" not in start


def test_nobody_else_gets_in(world: World) -> None:
    member = people.browser_of(world.near.people["owner"], raise_request_exception=False)
    # Strangers are asked at every route by tests/architecture/test_permission_matrix.py.
    assert Client().get("/admin/devices/device/").status_code == 302
    for model in model_admins():
        for address in _addresses(model):
            assert member.get(address).status_code in {302, 403}, address
    assert member.get("/admin/").status_code in {302, 403}


def test_a_user_who_is_shut_out_or_no_longer_staff_gets_nothing(world: World) -> None:
    user = world.near.people["viewer"]
    browser = make_staff(world, user, "view_device")
    assert browser.get("/admin/devices/device/").status_code == 200
    user.refresh_from_db()
    user.may_administer = False
    user.save()
    assert browser.get("/admin/devices/device/").status_code in {302, 403}


@pytest.mark.parametrize(
    "query",
    [
        "accounts/user/?password__startswith=a",
        "devices/provisioningkey/?key_digest__startswith=a",
        "devices/devicecredential/?lookup__startswith=a",
        "devices/device/?tenant__name__startswith=a",
        "accounts/user/?memberships__tenant__name__startswith=a",
        "notifications/channel/?url__startswith=https",
    ],
)
def test_no_lookup_guesses_what_is_not_shown(world: World, query: str) -> None:
    browser = people.browser_of(world.administrator, raise_request_exception=False)
    assert browser.get(f"/admin/{query}").status_code == 400


@pytest.mark.parametrize("query", ["q=%00", "tenant=99999999999999999999", "device=%00", "p=9999"])
def test_odd_questions_get_an_answer(world: World, query: str) -> None:
    browser = people.browser_of(world.administrator, raise_request_exception=False)
    assert browser.get(f"/admin/commands/command/?{query}").status_code in {200, 302, 400}


def test_unpaired_devices_are_a_list_of_their_own(world: World) -> None:
    browser = people.browser_of(world.administrator)
    living = browser.get("/admin/devices/device/").content.decode()
    ended = browser.get("/admin/devices/device/?life=unpaired").content.decode()
    assert world.near.archived in ended
    assert world.near.archived not in living
    assert world.near.device in living
    assert world.near.device not in ended


def _addresses(model: type[models.Model]) -> list[str]:
    row = rows_of(model).first()
    return [list_address(model), *([] if row is None else [row_address(row)])]


def _names(world: World) -> list[str]:
    far = world.far
    return [far.device, far.elsewhere, far.archived, far.site, far.people["owner"].email]


def _tenant_of(row: Any, world: World) -> bool | None:
    tenant_id = getattr(row, "tenant_id", None)
    if tenant_id is None and getattr(row, "device", None) is not None:
        tenant_id = row.device.tenant_id
    return None if tenant_id is None else tenant_id == world.near.tenant.pk
