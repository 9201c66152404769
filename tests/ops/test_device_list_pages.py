"""The device list on its page: columns, orders, saved views, and what is done to many."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from accounts.services import preferences
from commands import batch_selectors
from devices import selectors as devices
from groups.services import members
from ops import bulk
from ops.bulk import Selection
from ops.views import devices as pages
from tests.factories.devices import Board, connected_device
from tests.factories.sites import devices_at, make_site
from tests.factories.users import make_user
from tests.ops.console import Person, member, row

pytestmark = pytest.mark.django_db
LIST = "/dashboard/devices"
VIEW = "/dashboard/device-list/view"
BULK = "/dashboard/device-list/bulk"
Form = dict[str, Any]
HOSTILE = "<img src=x onerror=alert(1)>\"'"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return Person(make_user())


@pytest.fixture
def boards(ada: Person) -> list[Board]:
    """Three devices of hers."""
    return [connected_device(ada.actor) for _ in range(3)]


def text_of(body: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def heads_of(body: str) -> list[str]:
    return re.findall(r'<a class="sort"[^>]*>([^<]+)<', body)


def test_a_large_fleet_is_counted_after_its_page(
    ada: Person, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ada.page(LIST)
    assert "data-later" not in small
    assert "All 3 Online 3" in text_of(small)
    monkeypatch.setattr(pages, "_COUNTED_AT_ONCE", 2)

    page = ada.page(f"{LIST}?connectivity=online")
    assert "More than 2 devices" in text_of(page)
    assert re.search(r"All\s+Online", text_of(page))
    (address,) = set(re.findall(r'data-later="([^"]+)"', page))
    figures = ada.page(LIST + html.unescape(address))
    assert "data-later" not in figures
    assert "counts=only" not in figures
    assert "All 3 Online 3 Offline 0" in text_of(figures)
    for name in ("lead", "tabs"):
        assert f'data-refresh="{name}"' in page
        assert f'data-refresh="{name}"' in figures

    # Who has no script follows the link.
    (without,) = re.findall(r'<noscript> · <a href="([^"]+)"', page)
    assert "All 3 Online 3" in text_of(ada.page(LIST + html.unescape(without)))


def test_columns_are_chosen_by_the_address_or_kept_for_their_owner(
    ada: Person, boards: list[Board]
) -> None:
    usual = ["Device", "Status", "Relays", "Load", "Firmware", "Last seen"]
    assert heads_of(ada.page(LIST)) == usual
    assert heads_of(ada.page(f"{LIST}?columns=model,site,nonsense")) == ["Device", "Site", "Model"]
    assert heads_of(ada.page(LIST)) == usual
    to = ada.client.post(
        "/dashboard/device-list/columns",
        {"column": ["site", "status"], "query": "q=x&columns=model&after=abc&evil=1"},
    )["Location"]
    assert to == f"{LIST}?q=x"
    assert heads_of(ada.page(LIST)) == ["Device", "Status", "Site"]
    assert ada.client.post("/dashboard/device-list/columns", {}).status_code == 302
    assert heads_of(ada.page(LIST)) == usual


def test_every_column_orders_the_list_and_says_so(ada: Person, boards: list[Board]) -> None:
    rows = list(devices.devices_visible_to(ada.actor).order_by("pk"))
    for device, name in zip(rows, "CAB", strict=True):
        device.name = name
        device.save(update_fields=["name"])
    body = ada.page(f"{LIST}?sort=-name")
    assert re.findall(r'device-row__name"[^>]*>(\w)<', body) == ["C", "B", "A"]
    assert 'aria-sort="descending"' in body and "sort=name" in body
    assert 'aria-sort="ascending"' in ada.page(f"{LIST}?sort=nonsense&after=!!&before=zzzz")


def test_a_view_is_saved_shown_as_a_tab_renamed_and_removed(
    ada: Person, boards: list[Board]
) -> None:
    views = "/dashboard/device-list/views"
    assert "Choose a filter" in ada.post(views, 400, name="Nothing", query="after=abc")
    to = ada.sent_on(views, name=HOSTILE, query="?connectivity=online&sort=-load", pinned="1")
    assert to == f"{LIST}?connectivity=online&sort=-load"
    body = ada.page(to)
    assert HOSTILE not in body and html.escape(HOSTILE) in body.replace("&#39;", "&#x27;")
    assert re.search(r'class="view-tab" href="[^"]*load" aria-current="page"', body)
    (slug,) = preferences.read_preferences(actor=ada.actor).members["device_view_state"]["views"]
    ada.sent_on(VIEW, slug=slug, name="Online")
    assert "view-tab" not in ada.page(LIST) and "Online" in ada.page(views)
    ada.sent_on(VIEW, slug=slug, do="remove")
    assert "No view yet" in ada.page(views)
    ada.post(VIEW, 404, slug=slug, name="Gone")


def test_views_that_the_api_was_given_are_taken_with_care(ada: Person) -> None:
    odd = {"a": 1, "b b": {"name": "x", "query": "q=1"}, "c": {"name": "Fine", "query": "q=1&x=2"}}
    preferences.merge_preferences(
        patch={"device_view_state": {"views": odd, "columns": [1, "site"]}},
        if_match=None,
        actor=ada.actor,
        now=timezone.now(),
    )
    body = ada.page("/dashboard/device-list/views")
    assert "Fine" in body and body.count("view-row__form") == 1 and "x=2" not in body


def test_a_query_that_is_wrong_is_told_under_its_field(ada: Person, boards: list[Board]) -> None:
    body = ada.page(f"{LIST}?query=status:", 400)
    assert 'id="query-error">' in body and "/query" in body
    assert "No device matches" not in body and 'aria-invalid="true"' in body


def test_tags_are_foreseen_and_then_changed(ada: Person, boards: list[Board]) -> None:
    chosen = [boards[0].uid, boards[1].uid]
    ask = {"device": chosen, "do": "tags", "add": "lobby, floor=2", "step": "preview"}
    seen = text_of(ada.client.post(BULK, ask).content.decode())
    assert "2 devices would change" in seen
    assert row(chosen[0]).tags == []
    done = text_of(ada.client.post(BULK, ask | {"step": "apply"}).content.decode())
    assert "2 devices changed" in done and row(chosen[0]).tags == ["floor=2", "lobby"]
    assert row(boards[2].uid).tags == []
    again = text_of(ada.client.post(BULK, ask).content.decode())
    assert "0 devices would change. 2 are so already." in again


@pytest.mark.core
def test_all_that_match_are_moved_put_in_a_group_and_unpaired(
    ada: Person, boards: list[Board]
) -> None:
    make_site(ada.actor, "bay")
    everybody: Form = {"all": "1", "connectivity": "online"}
    ada.post(BULK, **everybody, do="site", to_site="bay", step="apply")
    assert devices_at(ada.actor, "bay") == {board.uid for board in boards}
    group, _ = members.create_with_members(name="All", actor=ada.actor, now=timezone.now())
    inside: Form = {**everybody, "do": "group", "to_group": group.uid}
    assert "3 devices would change" in text_of(ada.post(BULK, **inside, step="preview"))
    assert "3 devices changed" in text_of(ada.post(BULK, **inside, step="apply"))
    assert "3 are so already" in text_of(ada.post(BULK, **inside, step="preview"))
    leave: Form = {**everybody, "do": "unpair"}
    assert "3 devices would change" in text_of(ada.post(BULK, **leave, step="preview"))
    assert all(row(board.uid).is_active for board in boards)
    assert "Unpair 3 devices" in ada.post(BULK, **leave, step="preview")
    ada.post(BULK, **leave, step="apply")
    assert not any(row(board.uid).is_active for board in boards)
    assert "No device is chosen" in ada.post(BULK, **leave, step="preview")


def test_who_may_only_look_is_told_so_and_changes_nothing(ada: Person, boards: list[Board]) -> None:
    viewer, operator = member(ada, "viewer"), member(ada, "operator")
    deeds: list[tuple[Person, Form]] = [
        (viewer, {"do": "tags", "add": "x"}),
        (operator, {"do": "unpair"}),
    ]
    for who, deed in deeds:
        body = text_of(who.post(BULK, all="1", **deed, step="apply"))
        assert "Nothing changed" in body and "3 stay as they are" in body
    assert row(boards[0].uid).is_active and row(boards[0].uid).tags == []


def test_another_tenants_devices_are_as_if_they_were_not(boards: list[Board]) -> None:
    bob = Person(make_user())
    body = bob.post(BULK, device=boards[0].uid, do="unpair", step="apply")
    assert "No device is chosen" in body and row(boards[0].uid).is_active


def test_a_command_for_all_that_match_becomes_a_batch(ada: Person, boards: list[Board]) -> None:
    ask: Form = {"all": "1", "connectivity": "online", "do": "command", "kind": "reboot"}
    assert "Reboot" in ada.page(f"{BULK}?{urlencode(ask)}")
    assert "3 devices would be asked" in text_of(ada.post(BULK, **ask, do_what="preview"))
    assert "/dashboard/batches/" in ada.sent_on(BULK, **ask, do_what="send")
    (batch,) = batch_selectors.batches_visible_to(ada.actor)
    assert batch.total == 3 and batch.target == {"list": {"connectivity": "online"}}
    assert "Devices with status online" in ada.page("/dashboard/batches")


def test_what_takes_too_long_is_gone_on_with(
    ada: Person, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_SLICE", 1)
    clock = iter(range(0, 1000, 4))
    deed, selection = bulk.Unpairing(), Selection(is_all=True)
    first = bulk.carry_out(
        deed=deed, selection=selection, actor=ada.actor, now=timezone.now(),
        clock=lambda: float(next(clock)),
    )  # fmt: skip
    assert (first.changed, first.left) == (2, 1)
    rest = bulk.carry_out(
        deed=deed, selection=selection, after=first.goes_on_after, actor=ada.actor,
        now=timezone.now(),
    )  # fmt: skip
    assert (rest.changed, rest.left) == (1, 0)


def test_a_hostile_name_is_text_everywhere(ada: Person, boards: list[Board]) -> None:
    device = devices.device_by_uid(actor=ada.actor, uid=boards[0].uid)
    device.name, device.tags = HOSTILE, [HOSTILE[:20]]
    device.save(update_fields=["name", "tags"])
    for path in (f"{LIST}?columns=tags,model", f"{BULK}?do=tags&device={boards[0].uid}"):
        assert "<img src=x" not in ada.page(path)
