"""The twin of a device on pages: what differs, saving, and who was faster."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.utils import timezone

from edge.protocol.messages import TwinReported
from tests.factories.devices import Board, connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member, row, unpair
from twins import selectors as twins
from twins.services import desiring, reporting

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def etag_in(body: str) -> str:
    """The version that the form of a page was written for."""
    found = re.search(r'name="etag" value="([^"]+)"', body)
    assert found
    return html.unescape(found[1])


def desired(person: Person, board: Board) -> object:
    return twins.twin_of(actor=person.actor, device_uid=board.uid).desired


def save(person: Person, board: Board, etag: str, document: object) -> str:
    """Where saving a document leads."""
    return person.sent_on(
        f"/dashboard/devices/{board.uid}/twin", etag=etag, document=json.dumps(document)
    )


def test_a_document_is_saved_and_what_differs_is_shown_place_by_place(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    assert save(ada, board, etag_in(ada.page(page)), {"volume": 3, "lamp": {"on": True}}) == page
    reporting.record_report(
        device_id=row(board.uid).pk,
        epoch=board.epoch,
        report=TwinReported(document={"volume": 2}, desired_version=1),
        now=timezone.now(),
    )
    body = ada.page(page)
    assert "It differs in 2 places" in body
    assert sorted(re.findall(r'data-verdict="(\w+)"', body)) == ["added", "changed"]
    assert 'data-sync="drift"' in ada.page(f"/dashboard/devices/{board.uid}")
    assert board.uid in ada.page("/dashboard/devices?sync=drift")
    assert board.uid not in ada.page("/dashboard/devices?sync=in_sync")


def test_who_saves_an_older_version_is_shown_both_sides_and_may_keep_both(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    save(ada, board, etag_in(ada.page(page)), {"volume": 1, "lamp": "off"})
    stale = etag_in(ada.page(page))
    save(ada, board, stale, {"volume": 2, "lamp": "off"})

    mine = json.dumps({"volume": 1, "lamp": "on"})
    body = ada.post(page, 409, etag=stale, document=mine)
    assert "Keep both" in body and "Keep mine" in body and "Keep theirs" in body
    # What was typed stays, for the version it was typed for: saving it again asks again.
    assert etag_in(body) == stale
    (both, yours) = re.findall(r'<textarea name="document" hidden>(.*?)</textarea>', body, re.S)
    assert json.loads(html.unescape(both)) == {"volume": 2, "lamp": "on"}
    assert json.loads(html.unescape(yours)) == json.loads(mine)
    fresh = re.findall(r'name="etag" value="([^"]+)"', body)[-1]
    ada.sent_on(page, etag=html.unescape(fresh), document=html.unescape(both))
    assert desired(ada, board) == {"volume": 2, "lamp": "on"}


def test_who_changed_the_same_place_cannot_keep_both(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    stale = etag_in(ada.page(page))
    save(ada, board, stale, {"volume": 2})
    body = ada.post(page, 409, etag=stale, document='{"volume": 3}')
    assert "Keep both" not in body and "<code>/volume</code>" in body


def test_of_a_clash_one_may_keep_theirs_where_nobody_clashed(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    save(ada, board, etag_in(ada.page(page)), {"volume": 1, "lamp": "off", "fan": 1})
    stale = etag_in(ada.page(page))
    save(ada, board, stale, {"volume": 2, "lamp": "on", "fan": 1})
    mine = json.dumps({"volume": 3, "lamp": "off", "fan": 1})
    body = ada.post(page, 409, etag=stale, document=mine)
    assert "Mine where we clash" in body and body.count("Both changed it") == 1
    (preferring, _) = re.findall(r'<textarea name="document" hidden>(.*?)</textarea>', body, re.S)
    assert json.loads(html.unescape(preferring)) == {"volume": 3, "lamp": "on", "fan": 1}


def test_any_two_versions_are_compared_and_restoring_is_shown_before(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    for volume in (1, 2, 3):
        save(ada, board, etag_in(ada.page(page)), {"volume": volume, "lamp": "on"})
    body = ada.page(f"{page}?at=1&with=2")
    assert "From here to version 2: 1 place" in body
    assert "Desiring this again changes 1 place" in body
    # Version 0 is nothing: restoring it would take out both.
    assert "changes 2 places" in ada.page(f"{page}?at=0")
    save(ada, board, etag_in(ada.page(page)), {"volume": 2, "lamp": "on"})
    same = ada.page(f"{page}?at=2")
    assert "It is what is desired now" in same and "Desire this again" not in same
    assert 'rel="prev"' in same and 'rel="next"' in same
    ada.page(f"{page}?at=2&with=99", status=404)


def test_an_earlier_version_is_looked_at_and_desired_again(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    save(ada, board, etag_in(ada.page(page)), {"volume": 1})
    save(ada, board, etag_in(ada.page(page)), {"volume": 2})
    body = ada.page(f"{page}?at=1")
    assert "Desire this again" in body
    ada.sent_on(f"{page}/1/restore", etag=etag_in(body))
    assert desired(ada, board) == {"volume": 1}
    assert "As in version 1" in ada.page(page)
    ada.page(f"{page}?at=99", status=404)
    ada.page(f"{page}?at=yesterday", status=404)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "Write a JSON object"),
        ("{", "This is no JSON"),
        ("[1]", "Write a JSON object"),
        ('{"a": NaN}', "This is no JSON"),
        (json.dumps({"a": "x" * 70_000}), "at most 65536 bytes"),
    ],
)
def test_what_is_no_document_stays_in_the_editor_with_what_is_wrong(
    ada: Person, board: Board, typed: str, problem: str
) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    body = ada.post(page, 400, etag=etag_in(ada.page(page)), document=typed)
    assert problem in html.unescape(body)
    assert desired(ada, board) == {}


def test_saving_names_a_version_and_needs_an_operator(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/twin"
    ada.post(page, 428, document="{}")
    viewer, stranger = member(ada, "viewer"), Person(make_user())
    assert "data-editor" not in viewer.page(page)
    viewer.post(page, 403, document="{}", etag="*")
    viewer.post(f"{page}/0/restore", 403, etag="*")
    stranger.page(page, status=404)
    stranger.post(page, 404, document="{}", etag="*")


def test_the_twin_of_an_ended_life_is_read_and_never_changed(ada: Person, board: Board) -> None:
    desiring.replace_desired(
        device_uid=board.uid,
        document={"volume": 1},
        if_match="*",
        actor=ada.actor,
        now=timezone.now(),
    )
    unpair(ada, board)
    page = f"/dashboard/devices/{board.uid}/twin"
    body = ada.page(page)
    assert "volume" in body and "data-editor" not in body
    ada.post(page, 409, document="{}", etag="*")
    assert desired(ada, board) == {"volume": 1}
