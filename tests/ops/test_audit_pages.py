"""The audit log on pages: the stream, its filters, one entry, whether chains hold, and files."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from audit import selectors
from audit.models import Verification
from audit.services import watching
from audit.types import Wanted
from exports.types import PageOrder
from ops import audit_export, audit_trail
from tests.accounts.people import make_admin
from tests.factories.devices import Board, connected_device
from tests.factories.sites import join, make_site
from tests.factories.users import make_user, tenant_of
from tests.ops.console import Person, member

pytestmark = [pytest.mark.django_db, pytest.mark.core]
PAGE = "/dashboard/audit"


@pytest.fixture
def ada(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    return connected_device(ada.actor)


def actions(body: str) -> list[str]:
    return re.findall(r"\?action=([\w.]+)\"", body)


def test_the_stream_is_narrowed_by_who_what_which_and_when(ada: Person, board: Board) -> None:
    everything = actions(ada.page(PAGE))
    assert "devices.device.claimed" in everything and "accounts.session.opened" in everything
    assert everything[-1] == "accounts.user.registered"
    about = ada.page(f"{PAGE}?type=device&id={board.uid}")
    assert set(actions(about)) < set(everything) and board.uid in about
    assert set(actions(ada.page(f"{PAGE}?action=accounts."))) <= {
        action for action in everything if action.startswith("accounts.")
    }
    assert actions(ada.page(f"{PAGE}?action=devices.device.claimed")) == ["devices.device.claimed"]
    assert "Nothing found" in ada.page(f"{PAGE}?who=nobody-of-that-name")
    assert "Nothing found" in ada.page(f"{PAGE}?until=2020-01-01T00:00")
    assert actions(ada.page(f"{PAGE}?since=2020-01-01T00:00")) == everything
    request = selectors.entries_visible_to(ada.actor).exclude(request_id="").first()
    if request is not None:
        assert actions(ada.page(f"{PAGE}?request={request.request_id}"))


def test_strange_filters_break_nothing(ada: Person) -> None:
    for query in (
        "after=-1",
        "after=9" + "9" * 30,
        "since=soon",
        "scope=x",
        "id=" + "x" * 400,
    ):
        ada.page(f"{PAGE}?{query}")


def test_an_entry_tells_what_was_before_and_after(ada: Person, board: Board) -> None:
    ada.post(f"/dashboard/devices/{board.uid}/tags", 302, tags="<b>lobby</b>")
    body = ada.page(f"{PAGE}?type=device&id={board.uid}")
    assert "<b>" not in body
    (address,) = set(
        re.findall(
            r'href="(/dashboard/audit/\w+/\d+)"', ada.page(f"{PAGE}?action=devices.device.claimed")
        )
    )
    entry = ada.page(address)
    assert "Device claimed" in entry and board.uid in entry
    Person(make_user()).page(address, status=404)


def test_a_page_looks_through_so_much_and_says_how_far(
    ada: Person, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "WINDOW", 2)
    wanted = Wanted(action="accounts.user.registered")
    page = selectors.entry_page(actor=ada.actor, wanted=wanted)
    assert page.entries == [] and page.after is not None and page.looked_back_to is not None
    assert "Look further back" in ada.page(f"{PAGE}?action=accounts.user.registered")
    found: list[str] = []
    after: int | None = None
    for _ in range(20):
        page = selectors.entry_page(actor=ada.actor, wanted=wanted, after=after)
        found += [entry.action for entry in page.entries]
        after = page.after
        if after is None:
            break
    assert found == ["accounts.user.registered"]


def test_pages_of_the_stream_show_each_entry_once(ada: Person, board: Board) -> None:
    seen: list[int] = []
    after: int | None = None
    while True:
        page = selectors.entry_page(actor=ada.actor, wanted=Wanted(), after=after, size=3)
        seen += [entry.seq for entry in page.entries]
        after = page.after
        if after is None:
            break
    assert seen == list(range(len(seen), 0, -1))


def test_whether_the_chain_holds_is_told_loudly(ada: Person, board: Board) -> None:
    watching._Search.after = -1
    watching.watch(timezone.now())
    assert "Intact" in ada.page(PAGE)
    assert ada.sent_on(f"{PAGE}/verify") == PAGE
    assert "Verifying…" in ada.page(PAGE)
    rows = Verification.objects.unscoped("tests look at everything")
    rows.filter(chain_id=tenant_of(ada.actor)).update(
        state="broken", bad_seq=3, problem="its content was changed", broken_at=timezone.now()
    )
    body = ada.page(PAGE)
    assert 'role="alert"' in body and "does not hold" in body and "Entry 3" in body


def test_who_is_limited_to_sites_reads_what_is_about_them(ada: Person, board: Board) -> None:
    site = make_site(ada.actor, "store")
    limited = Person(join(ada.actor, "operator", site_ids=[site.pk]))
    home = tenant_of(ada.actor)
    mine = set(actions(limited.page(PAGE)))
    assert "devices.device.claimed" not in mine
    tenant = next(iter(selectors.whole_chains_of(ada.actor)))
    assert tenant not in selectors.whole_chains_of(limited.actor)
    key = audit_trail.PLATFORM
    limited.page(f"{PAGE}/{key}/1", status=404)
    entry = re.findall(r'href="(/dashboard/audit/\w+/1)"', ada.page(f"{PAGE}?action=accounts."))[0]
    limited.page(entry, status=403)
    limited.post(f"{PAGE}/verify", 403, chain=entry.split("/")[3])
    assert home == tenant


def test_the_installations_log_is_for_who_runs_it(ada: Person) -> None:
    root = Person(make_admin())
    assert "The installation" in root.page(PAGE)
    assert "The installation" not in ada.page(PAGE)
    assert actions(ada.page(f"{PAGE}?scope=platform")) == []
    viewer = member(ada, "viewer")
    assert actions(viewer.page(PAGE))


def test_the_log_is_taken_home_whole_or_as_filtered(ada: Person, board: Board) -> None:
    tenant_id = tenant_of(ada.actor)
    names = [column.name for column in audit_export._COLUMNS]

    def rows(**choice: str) -> list[dict[str, object]]:
        kept = audit_export.clean(ada.actor, choice)
        found: list[dict[str, object]] = []
        after: str | None = None
        while True:
            page = audit_export.page(
                PageOrder(
                    actor=ada.actor,
                    tenant_id=tenant_id,
                    choice=kept,
                    columns=names,
                    after=after,
                    limit=2,
                    now=timezone.now(),
                )
            )
            found += [dict(zip(names, row, strict=True)) for row in page.rows]
            after = page.after
            if after is None:
                return found

    everything = rows()
    assert [row["seq"] for row in everything] == list(range(1, len(everything) + 1))
    assert len(everything) == audit_export.count(ada.actor, tenant_id, {})
    assert {row["action"] for row in rows(action="devices.")} == {
        row["action"] for row in everything if str(row["action"]).startswith("devices.")
    }
    assert ada.sent_on(f"{PAGE}/export", format="ndjson", type="device") == "/dashboard/exports"


def test_a_choice_that_is_none_is_refused(ada: Person) -> None:
    ada.post(f"{PAGE}/export", 400, since="soon")
    ada.post(f"{PAGE}/export", 403, scope="platform")
