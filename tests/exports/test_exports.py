"""Exports: made page by page, by who may see it at the time, harmless, and gone when it is time."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import selectors as people
from accounts.models import Membership, Tenant
from accounts.services import members
from devices import selectors as devices
from exports import file_forms, selectors
from exports.choices import ExportState
from exports.errors import TooManyExports
from exports.models import Export, ExportPart
from exports.services import keeping, making, requesting
from exports.services.requesting import ExportOrder
from kernel.errors import NotFound, ValidationFailed
from tests.factories.devices import connected_device
from tests.factories.sites import join, make_site
from tests.factories.users import actor_of, make_user, tenant_of
from tests.ops.console import Person, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns three devices."""
    person = Person(make_user())
    for _ in range(3):
        connected_device(person.actor)
    return person


def _asked(person: Person, **more: Any) -> Export:
    return requesting.request_export(
        order=ExportOrder(kind="devices", **more), actor=person.actor, now=timezone.now()
    )


def _made(export: Export) -> Export:
    while making.make_page(export_id=export.pk, now=timezone.now()):
        pass
    found: Export = Export.objects.unscoped("a test").get(pk=export.pk)
    return found


def _file(person: Person, export: Export) -> str:
    pieces = selectors.file_of(export=export, actor=person.actor)
    return b"".join(pieces).decode()


@pytest.mark.core
def test_a_file_has_each_device_once_however_many_pages_it_takes(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PAGE", 2)
    export = _made(_asked(ada, columns=["uid", "status"]))
    assert (export.state, export.done, export.total, export.parts) == (ExportState.READY, 3, 3, 2)
    header, *rows = csv.reader(io.StringIO(_file(ada, export)))
    assert header == ["uid", "status"]
    uids = devices.devices_visible_to(ada.actor).values_list("uid", flat=True)
    assert sorted(row[0] for row in rows) == sorted(uids)
    assert {row[1] for row in rows} == {"online"}


def test_filter_format_and_mark_are_as_they_were_asked_for(ada: Person) -> None:
    lines = _made(_asked(ada, file_format="ndjson", columns=["name", "last_seen"]))
    told = [json.loads(line) for line in _file(ada, lines).splitlines()]
    assert len(told) == 3 and set(told[0]) == {"name", "last_seen"}
    none = _made(_asked(ada, choice={"connectivity": "offline"}, has_bom=True))
    body = _file(ada, none)
    assert body.startswith("\ufeffuid,name,") and len(body.splitlines()) == 1
    for wrong in (
        {"choice": {"query": "status:"}},
        {"choice": {"evil": "1"}},
        {"choice": {"q": 1}},
        {"columns": ["nonsense"]},
    ):
        with pytest.raises(ValidationFailed):
            _asked(ada, **wrong)


@pytest.mark.core
def test_who_lost_the_right_gets_no_more_of_it(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PAGE", 2)
    user = join(ada.actor, "viewer")
    viewer = Person(user)
    export = requesting.request_export(
        order=ExportOrder(kind="devices"),
        actor=_within(viewer, ada),
        now=timezone.now(),
    )
    making.make_page(export_id=export.pk, now=timezone.now())
    members.leave_tenant(tenant_uid=_tenant_uid(ada), actor=actor_of(user), now=timezone.now())
    ended = _made(export)
    assert (ended.state, ended.reason) == (ExportState.FAILED, "permission_denied")
    assert not ExportPart.objects.unscoped("a test").filter(export=ended).exists()
    with pytest.raises(NotFound):
        selectors.export_by_uid(actor=actor_of(user), uid=export.uid)


def _within(person: Person, owner: Person) -> Any:
    tenant_id, actor = tenant_of(owner.actor), actor_of_id(person)
    return replace(actor, roles={tenant_id: actor.roles[tenant_id]})


def actor_of_id(person: Person) -> Any:
    assert person.actor.user_id is not None
    return people.actor_for_user(user_id=person.actor.user_id)


def _tenant_uid(owner: Person) -> str:
    return Tenant.objects.get(pk=tenant_of(owner.actor)).uid


@pytest.mark.core
def test_a_member_of_one_site_takes_home_what_stands_there(ada: Person) -> None:
    bay = make_site(ada.actor, "bay")
    here: Any = devices.devices_visible_to(ada.actor).order_by("pk").first()
    here.site = bay
    here.save(update_fields=["site"])
    limited = Person(join(ada.actor, "viewer", site_ids=[bay.pk]))
    export = requesting.request_export(
        order=ExportOrder(kind="devices", columns=["uid"]),
        actor=_within(limited, ada),
        now=timezone.now(),
    )
    assert export.total == 1
    assert _file(limited, _made(export)).split() == ["uid", here.uid]


@pytest.mark.core
def test_an_export_is_its_requesters_alone(ada: Person) -> None:
    export = _made(_asked(ada))
    for other in (member(ada, "admin"), Person(make_user())):
        other.page(f"/dashboard/exports/{export.uid}/file", 404)
        other.post(f"/dashboard/exports/{export.uid}/remove", 404)
        assert export.uid not in other.page("/dashboard/exports")
    answer: Any = ada.client.get(f"/dashboard/exports/{export.uid}/file")
    assert answer["Content-Disposition"].startswith('attachment; filename="devices-')
    assert answer["Cache-Control"] == "no-store"
    assert b"".join(answer.streaming_content).startswith(b"uid,name")


@pytest.mark.core
def test_who_is_limited_to_sites_since_fetches_nothing_of_the_others(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PAGE", 2)
    bay, user = make_site(ada.actor, "bay"), join(ada.actor, "viewer")
    viewer = Person(user)

    def asked() -> Export:
        actor = _within(viewer, ada)
        return requesting.request_export(
            order=ExportOrder(kind="devices"), actor=actor, now=timezone.now()
        )

    def limited_to(keys: list[int] | None) -> None:
        Membership.objects.unscoped("a test").filter(user=user).exclude(role="owner").update(
            site_ids=keys
        )

    whole, half = _made(asked()), asked()
    making.make_page(export_id=half.pk, now=timezone.now())
    viewer.client.get(f"/api/v1/exports/{whole.uid}/file")
    limited_to([bay.pk])
    part = _made(asked())
    for export in (whole, _made(half)):
        assert viewer.client.get(f"/api/v1/exports/{export.uid}/file").status_code == 403
        viewer.page(f"/dashboard/exports/{export.uid}/file", 403)
    assert viewer.client.get(f"/api/v1/exports/{part.uid}/file").status_code == 200
    limited_to([])
    assert viewer.client.get(f"/api/v1/exports/{part.uid}/file").status_code == 403
    limited_to(None)
    assert viewer.client.get(f"/api/v1/exports/{whole.uid}/file").status_code == 200


def test_a_file_removed_while_it_is_fetched_does_not_look_whole(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PAGE", 1)
    monkeypatch.setattr(selectors, "_TOGETHER", 1)
    export = _made(_asked(ada))
    pieces = selectors.file_of(export=export, actor=ada.actor)
    next(pieces)
    requesting.remove_export(uid=export.uid, actor=ada.actor, now=timezone.now())
    with pytest.raises(NotFound):
        list(pieces)


def test_the_page_asks_shows_and_removes(ada: Person) -> None:
    asking = ada.page("/dashboard/exports/devices?connectivity=online&columns=site,model")
    assert "Export 3 devices" in asking
    ada.sent_on("/dashboard/exports/devices", connectivity="online", column="site", format="csv")
    body = ada.page("/dashboard/exports")
    (export,) = selectors.exports_of(ada.actor)
    assert "Waiting" in body and export.columns == ["uid", "name", "site"]
    assert ada.client.get(f"/dashboard/exports/{export.uid}/file").status_code == 302
    _made(export)
    assert "Ready" in ada.page("/dashboard/exports")
    ada.sent_on(f"/dashboard/exports/{export.uid}/remove")
    assert "No export yet" in ada.page("/dashboard/exports")


def test_the_api_makes_follows_fetches_and_removes(ada: Person) -> None:
    asked = ada.client.post(
        "/api/v1/exports",
        {"kind": "devices", "filter": {"connectivity": "online"}},
        content_type="application/json",
    )
    assert asked.status_code == 202, asked.content
    path = asked["Location"]
    early = ada.client.get(f"{path}/file")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    making.run(timezone.now())
    told = ada.client.get(path).json()
    assert (told["state"], told["done"], told["file"]) == ("ready", 3, f"{path}/file")
    assert [each["id"] for each in ada.client.get("/api/v1/exports").json()["items"]] == [
        told["id"]
    ]
    assert ada.client.get(told["file"])["Content-Type"] == "text/csv; charset=utf-8"
    assert ada.client.delete(path).status_code == 204
    assert ada.client.get(path).status_code == 404


def test_nobody_has_more_than_their_share(ada: Person) -> None:
    for _ in range(requesting.MOST_OPEN):
        _asked(ada)
    with pytest.raises(TooManyExports):
        _asked(ada)


@pytest.mark.core
def test_every_export_ends_and_every_file_goes(ada: Person) -> None:
    stuck, ready = _asked(ada), _made(_asked(ada))
    now = timezone.now()
    keeping.sweep(now + keeping.MADE_WITHIN + timedelta(seconds=1))
    rows = Export.objects.unscoped("a test")
    assert rows.get(pk=stuck.pk).reason == "timed_out"
    assert making.make_page(export_id=stuck.pk, now=now) is False
    keeping.sweep(now + requesting.KEPT_FOR + timedelta(hours=2))
    assert not rows.filter(pk__in=[stuck.pk, ready.pk]).exists()
    assert not ExportPart.objects.unscoped("a test").exists()


def test_a_page_that_another_process_has_is_left_to_it(ada: Person) -> None:
    export = _asked(ada)
    now = timezone.now()
    rows = Export.objects.unscoped("a test").filter(pk=export.pk)
    rows.update(leased_until=now + making.LEASE, state=ExportState.RUNNING)
    assert making.make_page(export_id=export.pk, now=now) is False
    assert making.make_page(export_id=export.pk, now=now + making.LEASE) is True


@pytest.mark.core
def test_an_erased_account_leaves_no_file(ada: Person) -> None:
    export = _made(_asked(ada))
    assert ada.actor.user_id is not None
    assert keeping.erase_for_account(ada.actor.user_id, (), timezone.now()).is_done
    assert not Export.objects.unscoped("a test").filter(pk=export.pk).exists()


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1))
def test_no_cell_is_a_formula_and_every_cell_comes_back(cells: list[str]) -> None:
    columns = [f"c{number}" for number in range(len(cells))]
    body = file_forms.written(file_format="csv", columns=columns, rows=[cells]).decode()
    (row,) = csv.reader(io.StringIO(body, newline=""))
    for cell, was in zip(row, cells, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert cell in (was, f"'{was}")
    lines = file_forms.written(file_format="ndjson", columns=columns, rows=[cells])
    assert list(json.loads(lines).values()) == cells
