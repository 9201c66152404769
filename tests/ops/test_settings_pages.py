"""Tags, configurations and infrared codes on pages."""

from __future__ import annotations

import html
import json
import re

import pytest

from commands import selectors as commands
from devices import selectors as devices
from devices.models import Device, DeviceCapability
from devices.selectors import config as configurations
from infrared import selectors as infrared
from tests.factories.devices import Board, connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member, row

pytestmark = [pytest.mark.django_db, pytest.mark.core]
PRONTO = "0000 006D 0002 0000 0010 0020 0010 0400"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def form_of(body: str) -> dict[str, str]:
    """What the editor of a page holds."""
    document = re.search(r'name="document"[^>]*>\n(.*?)</textarea>', body, re.DOTALL)
    etag = re.search(r'name="etag" value="([^"]*)"', body)
    assert document and etag
    return {"document": html.unescape(document[1]), "etag": html.unescape(etag[1])}


def version(person: Person, board: Board) -> int:
    device = devices.device_by_uid(actor=person.actor, uid=board.uid)
    return configurations.config_of(device, person.actor).version


def test_tags_are_written_with_commas_and_one_that_cannot_be_stays_in_the_field(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}"
    assert ada.sent_on(f"{page}/tags", tags="lobby, floor=2,") == page
    body = ada.page(page)
    assert sorted(re.findall(r'<li class="tag">([^<]+)<', body)) == ["floor=2", "lobby"]
    refused = ada.post(f"{page}/tags", 400, tags="floor=2, floor=3")
    assert 'value="floor=2, floor=3"' in refused and "tag-editor" in refused
    assert sorted(row(board.uid).tags) == ["floor=2", "lobby"]
    viewer = member(ada, "viewer")
    viewer.post(f"{page}/tags", 403, tags="mine")
    assert "tag-editor" not in viewer.page(page)


def test_a_configuration_is_saved_looked_back_at_and_set_so_again(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/config"
    body = ada.page(page)
    assert "Nobody has configured it yet." in body
    form = form_of(body)
    document = json.loads(form["document"])
    for volume in (1, 2):
        document["config"] = {"volume": volume}
        typed = form_of(ada.page(page)) | {"document": json.dumps(document)}
        assert ada.sent_on(page, **typed) == page
    assert "Not taken over yet" in ada.page(page)
    former = ada.page(f"{page}?version=1")
    assert "As it was in version 1" in former
    # What setting it so again would do is told before: one place, from 2 back to 1.
    assert "changes 1 place" in former and "/config/volume" in former
    ada.sent_on(f"{page}/1/restore", etag=form_of(ada.page(page))["etag"])
    assert json.loads(form_of(ada.page(page))["document"])["config"] == {"volume": 1}
    ada.page(f"{page}?version=77", status=404)


def test_an_older_version_of_a_configuration_is_not_taken(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/config"
    stale = form_of(ada.page(page))
    document = json.loads(stale["document"]) | {"config": {"volume": 1}}
    ada.sent_on(page, **stale | {"document": json.dumps(document)})
    body = ada.post(page, 412, **stale | {"document": '{"relay_names": {}, "config": {"a": 1}}'})
    assert "Somebody was faster" in body and "&quot;a&quot;" in body and "Keep both" not in body
    wrong = form_of(ada.page(page)) | {"document": '{"power_restore_mode": "sideways"}'}
    assert "/power_restore_mode" in ada.post(page, 400, **wrong)
    assert version(ada, board) == 1


def test_two_changes_of_different_places_of_a_configuration_can_both_hold(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/config"
    first = form_of(ada.page(page))
    document = json.loads(first["document"]) | {"config": {"volume": 1, "lamp": "off"}}
    ada.sent_on(page, **first | {"document": json.dumps(document)})
    stale = form_of(ada.page(page))
    theirs = document | {"config": {"volume": 2, "lamp": "off"}}
    ada.sent_on(page, **stale | {"document": json.dumps(theirs)})
    mine = document | {"config": {"volume": 1, "lamp": "on"}}
    body = ada.post(page, 412, **stale | {"document": json.dumps(mine)})
    assert "You changed different places" in body
    both, yours = re.findall(r'<textarea name="document" hidden>(.*?)</textarea>', body, re.S)
    assert json.loads(html.unescape(yours)) == mine
    fresh = html.unescape(re.findall(r'name="etag" value="([^"]+)"', body)[-1])
    ada.sent_on(page, etag=fresh, document=html.unescape(both))
    saved = json.loads(form_of(ada.page(page))["document"])
    assert saved["config"] == {"volume": 2, "lamp": "on"}


def test_a_code_is_imported_sent_and_forgotten(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/ir-codes"
    assert "No codes yet" in ada.page(page)
    assert "/pronto" in ada.post(page, 400, name="Off", pronto="0100 0000")
    assert ada.sent_on(page, name="Off", pronto=PRONTO) == page
    (code,) = infrared.codes_of(actor=ada.actor, device_uid=board.uid)
    assert PRONTO in ada.page(page)
    # A board without infrared is not offered to send one, and refuses if asked.
    assert ">Learn<" not in ada.page(page)
    assert "cannot do that" in ada.post(f"{page}/{code.uid}/transmit", 409)
    assert "cannot do that" in ada.post(f"{page}/learn", 409, name="On")
    assert ada.sent_on(f"{page}/{code.uid}/remove") == page
    assert "No codes yet" in ada.page(page)


def test_a_hub_learns_a_code_and_sends_it_by_commands(ada: Person) -> None:
    hub = connected_device(ada.actor)
    rows = DeviceCapability.objects.unscoped("tests arrange everything")
    rows.filter(device_id=hub.device_id).update(name="infrared")
    Device.objects.unscoped("the same").filter(uid=hub.uid).update(device_class="ir_hub")
    page = f"/dashboard/devices/{hub.uid}/ir-codes"
    assert ada.sent_on(f"{page}/learn", name="On").startswith("/dashboard/commands/")
    ada.sent_on(page, name="Off", pronto=PRONTO)
    (code,) = infrared.codes_of(actor=ada.actor, device_uid=hub.uid)
    ada.sent_on(f"{page}/{code.uid}/transmit")
    asked = commands.commands_like(actor=ada.actor, device=hub.uid).order_by("pk")
    assert [command.kind for command in asked] == ["ir_learn", "ir_transmit"]
    assert page in ada.page(f"/dashboard/devices/{hub.uid}")


def test_viewers_read_and_strangers_find_nothing(ada: Person, board: Board) -> None:
    viewer, stranger = member(ada, "viewer"), Person(make_user())
    for path in (
        f"/dashboard/devices/{board.uid}/config",
        f"/dashboard/devices/{board.uid}/ir-codes",
    ):
        assert "<textarea" not in viewer.page(path)
        viewer.post(path, 403, document="{}", name="Off", pronto=PRONTO)
        stranger.page(path, status=404)
        stranger.post(path, 404, document="{}", name="Off", pronto=PRONTO)
    viewer.post(f"/dashboard/devices/{board.uid}/config/1/restore", 403)
    viewer.post(f"/dashboard/devices/{board.uid}/ir-codes/learn", 403)
