"""Commands on pages: a form from the schema, what would happen, and why one is where it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from commands import registry
from commands import selectors as commands
from commands.registry import Kind
from commands.services import custom_kinds
from kernel.actors import Actor
from ops.payload_forms import PayloadForm
from tests.factories.devices import Board, connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = [pytest.mark.django_db, pytest.mark.core]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "title": "Text", "maxLength": 20},
        "seconds": {"type": "integer", "minimum": 1},
        "gain": {"type": "number"},
        "loud": {"type": "boolean"},
        "tone": {"enum": ["low", "high"]},
        "zones": {"type": "array", "items": {"enum": [1, 2, 3]}},
        "names": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
    },
    "required": ["text"],
}


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def latest(person: Person, board: Board) -> Any:
    found = commands.commands_like(actor=person.actor, device=board.uid).order_by("-pk").first()
    assert found is not None
    return found


def make_kind(actor: Actor) -> str:
    made = custom_kinds.create_kind(
        name="custom.announce", title="Announce", schema=SCHEMA, lifetime_s=60,
        actor=actor, now=timezone.now(),
    )  # fmt: skip
    return str(getattr(made, "name", "custom.announce"))


def field_called(label: str, body: str) -> str:
    """The name of a field; PostgreSQL keeps members of a schema in an order of its own."""
    found = re.search(rf'for="id_(p\d+)">{label}', body)
    assert found
    return found[1]


def announcing() -> Kind:
    return Kind(
        name="custom.announce",
        encode=registry.encode_as("custom.announce"),
        apply=registry.keep_result,
        schema=SCHEMA,
    )


def test_each_type_of_a_schema_is_drawn_and_read_back_as_its_own() -> None:
    typed = {
        "p0": "Closing", "p1": "30", "p2": "0.5", "p3": "0", "p4": "1", "p5": ["0", "2"],
        "p6": "hall\n\n cellar ", "p7": '{"a": [1]}',
    }  # fmt: skip
    form = PayloadForm(typed, kind=announcing())
    assert form.is_valid(), form.errors
    shapes = [field.field.shape for field in form.payload_fields()]  # type: ignore[attr-defined]
    assert shapes == ["line", "number", "decimal", "choice", "choice", "choices", "lines", "json"]
    assert form.payload() == {
        "text": "Closing", "seconds": 30, "gain": 0.5, "loud": True, "tone": "high",
        "zones": [1, 3], "names": ["hall", "cellar"], "more": {"a": [1]},
    }  # fmt: skip


def test_what_is_left_empty_is_left_out_and_no_is_a_value() -> None:
    form = PayloadForm({"p0": "Closing", "p3": "1"}, kind=announcing())
    assert form.is_valid()
    assert form.payload() == {"text": "Closing", "loud": False}


def test_a_kind_of_the_organisation_is_asked_for_by_the_form_of_its_schema(
    ada: Person, board: Board
) -> None:
    name = make_kind(ada.actor)
    page = f"/dashboard/devices/{board.uid}/commands"
    body = ada.page(f"{page}?kind={name}")
    assert 'maxlength="20"' in body and 'type="checkbox"' in body
    text = field_called("Text", body)
    body = ada.post(page, 422, kind=name, do="send", **{text: ""})
    assert re.search(rf'id="id_{text}-error">[^<]+</p>', body)
    typed = {text: "Closing", field_called("Loud", body): "1"}
    where = ada.sent_on(page, kind=name, do="send", delivery="queue", **typed)
    command = latest(ada, board)
    assert where == f"/dashboard/commands/{command.uid}"
    assert (command.payload, command.delivery) == ({"text": "Closing", "loud": False}, "queue")
    assert "Asked for by" in ada.page(where)


def test_what_would_happen_is_told_and_nothing_is_asked(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/commands"
    body = ada.post(page, kind="reboot", do="preview", p0="5")
    assert "It would go out at once." in body and 'value="5"' in body
    assert not commands.commands_like(actor=ada.actor, device=board.uid).exists()
    for do in ("preview", "send"):
        refused = ada.post(page, 400, kind="set_relay", do=do, p0="99", p1="0")
        assert "This device has no such relay." in refused


def test_a_command_that_waits_is_explained_and_taken_back(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/commands"
    why = ada.sent_on(page, kind="reboot", do="send")
    body = ada.page(why)
    assert "What it waits for" in body and "Cancel it" in body
    assert why in ada.page(f"{page}?show=open") and why in ada.page(
        f"/dashboard/devices/{board.uid}"
    )
    assert ada.sent_on(f"{why}/cancel") == why
    assert "Cancelled" in ada.page(why)
    assert why not in ada.page(f"{page}?show=open")
    # Asking twice is asking once.
    assert ada.sent_on(f"{why}/cancel") == why


def test_viewers_read_and_strangers_find_nothing(ada: Person, board: Board) -> None:
    page = f"/dashboard/devices/{board.uid}/commands"
    why = ada.sent_on(page, kind="reboot", do="send")
    viewer, stranger = member(ada, "viewer"), Person(make_user())
    assert "Ask it for something" not in viewer.page(page)
    assert "Cancel it" not in viewer.page(why)
    viewer.post(page, 403, kind="reboot", do="send")
    viewer.post(f"{why}/cancel", 403)
    for path in (page, why):
        stranger.page(path, status=404)
    stranger.post(f"{why}/cancel", 404)
    ada.post(page, 400, kind="no_such_kind", do="send")
