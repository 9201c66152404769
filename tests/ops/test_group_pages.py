"""Groups and batches on pages: made by a query, asked together, held up and called off."""

from __future__ import annotations

import html
import json
import re
import uuid

import pytest
from django.utils import timezone

from commands.services import batch_runs
from groups import selectors as groups
from tests.factories.devices import Board, connected_device
from tests.factories.sites import join, make_site
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = [pytest.mark.django_db, pytest.mark.core]
QUERY = "class:relay_controller"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def make_group(person: Person, **more: str) -> str:
    """Where a group that was made is."""
    form = {"name": "Boards", "kind": "dynamic", "query": QUERY, "do": "save"} | more
    return person.sent_on("/dashboard/groups/new", **form)


def text_of(body: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def test_a_query_is_tried_before_the_group_is_made(ada: Person, board: Board) -> None:
    assert "1 device now" in text_of(ada.page(f"/dashboard/groups/new?query={QUERY}"))
    assert "1 device now" in text_of(ada.post("/dashboard/groups/new", query=QUERY, do="preview"))
    assert "Column 7" in ada.page("/dashboard/groups/new?query=class:")
    assert list(groups.groups_visible_to(ada.actor)) == []
    page = make_group(ada)
    body = ada.page(page)
    assert board.uid in body and "1 device" in body
    assert page in ada.page("/dashboard/groups")


def rows_of(*conditions: tuple[str, str, str]) -> str:
    """What the visual form sends."""
    parts = [{"field": field, "op": op, "value": [value]} for field, op, value in conditions]
    return json.dumps({"join": "all", "not": False, "parts": parts})


def text_in(body: str) -> str:
    """The query in the text field."""
    found = re.search(r'name="query"[^>]*>\s*([^<]*)</textarea>', body)
    assert found, body
    return html.unescape(found[1])


def test_the_text_follows_the_conditions_and_they_follow_the_text(
    ada: Person, board: Board
) -> None:
    form = {"edited": "rows", "do": "preview", "query": "class:server"}
    body = ada.post(
        "/dashboard/groups/new",
        rows=rows_of(("class", "eq", "relay_controller"), ("status", "ne", "offline")),
        **form,
    )
    assert text_in(body) == "class:relay_controller and status!=offline"
    assert "1 device now" in text_of(body)
    half = ada.post("/dashboard/groups/new", rows=rows_of(("tag", "eq", "")), **form)
    assert text_in(half) == "class:server" and "Fill in a value." in half
    assert re.search(r"data-unfinished>", half)
    body = ada.page("/dashboard/groups/new?query=tag:lobby or firmware<2.1")
    assert body.count("data-qrow") == 3, "two conditions, and the one to copy"
    assert re.search(r"data-behind hidden", body)
    behind = ada.page("/dashboard/groups/new?query=tag:lobby or")
    assert re.search(r"data-behind>", behind)


def test_half_done_conditions_are_not_saved_as_the_text_of_before(ada: Person) -> None:
    page = make_group(ada)
    half = {"edited": "rows", "rows": rows_of(("tag", "eq", "")), "name": "Boards", "do": "save"}
    told = ada.post(f"{page}/edit", 400, query=QUERY, **half)
    assert "Complete the conditions" in told
    whole = half | {"rows": rows_of(("tag", "eq", "lobby"))}
    ada.sent_on(f"{page}/edit", query=QUERY, **whole)
    assert groups.groups_visible_to(ada.actor).get().query_text == "tag:lobby"


def test_a_query_is_tried_on_one_device(ada: Person, board: Board) -> None:
    form = {"query": f"{QUERY} and status:offline", "do": "preview"}
    body = ada.post("/dashboard/groups/new", device=board.uid, **form)
    assert "would not be in it" in body
    assert re.findall(r'data-met="(\w+)"', body) == ["true", "false"]
    told = ada.post("/dashboard/groups/new", **form | {"do": f"try:{board.uid}"})
    assert "would not be in it" in told
    stranger = connected_device(Person(make_user()).actor)
    assert "There is no such device here." in ada.post(
        "/dashboard/groups/new", device=stranger.uid, **form
    )


def test_the_device_list_is_searched_by_a_query(ada: Person, board: Board) -> None:
    body = ada.page("/dashboard/devices?query=class:relay_controller and status:online")
    assert board.uid in body and "Make a group of it" in body
    assert board.uid not in ada.page("/dashboard/devices?query=class:server")
    wrong = ada.page("/dashboard/devices?query=class:", status=400)
    assert "Column 7" in wrong and "Make a group of it" not in wrong


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"query": "colour:red"}, 422, "colour"),
        ({"query": ""}, 400, "Write which devices belong to it."),
        ({"name": " "}, 400, "Give it a name."),
    ],
)
def test_what_is_wrong_stands_under_its_field(
    ada: Person, changed: dict[str, str], status: int, told: str
) -> None:
    form = {"name": "Boards", "kind": "dynamic", "query": QUERY, "do": "save"} | changed
    body = ada.post("/dashboard/groups/new", status, **form)
    assert told in " ".join(re.findall(r'field__error"[^>]*>([^<]+)<', body))
    assert list(groups.groups_visible_to(ada.actor)) == []


def test_why_a_device_is_in_a_group_is_told_condition_by_condition(
    ada: Person, board: Board
) -> None:
    page = make_group(ada, query=f"{QUERY} and status:offline")
    body = ada.page(f"{page}?why={board.uid}")
    assert "is not in this group" in body
    assert re.findall(r'data-met="(\w+)"', body) == ["true", "false"]
    assert "There is no such device here." in ada.page(f"{page}?why=nobody")


def test_devices_are_put_into_a_group_by_name_and_taken_out(ada: Person, board: Board) -> None:
    page = make_group(ada, kind="static", query="")
    body = ada.post(f"{page}/members", 400, add=f"{board.uid}, nobody")
    assert "Not found: nobody." in body and "1 device" in body
    assert "joined" in body
    assert ada.sent_on(f"{page}/members", remove=board.uid) == page
    assert "0 devices" in ada.page(page)


def test_a_group_is_changed_if_nobody_was_faster_and_removed(ada: Person, board: Board) -> None:
    page = make_group(ada)
    form = ada.page(f"{page}/edit")
    etag = html.unescape(re.findall(r'name="etag" value="([^"]+)"', form)[0])
    changed = {"name": "Others", "query": "class:server", "do": "save", "etag": etag}
    assert ada.sent_on(f"{page}/edit", **changed) == page
    assert "0 devices" in ada.page(page)
    ada.post(f"{page}/edit", 412, **changed | {"name": "Mine"})
    assert "Others" in ada.page(f"{page}/remove")
    assert ada.sent_on(f"{page}/remove") == "/dashboard/groups"
    ada.page(page, status=404)


def test_a_group_is_asked_for_something_and_how_far_that_is_is_shown(
    ada: Person, board: Board
) -> None:
    page = make_group(ada)
    asked = {"kind": "reboot", "p0": "5", "per_minute": "30", "abort_percent": "20"}
    body = text_of(ada.post(f"{page}/ask", 200, do="preview", **asked))
    assert "1 device would be asked; 1 is online." in body
    assert "No batches yet" in ada.page("/dashboard/batches")
    batch = ada.sent_on(f"{page}/ask", do="send", **asked)
    assert "0 of 1 done" in ada.page(batch) and batch in ada.page("/dashboard/batches")
    for deed, state in (("pause", "paused"), ("resume", "running")):
        assert ada.sent_on(f"{batch}/{deed}") == batch
        assert f'data-batch-state="{state}"' in ada.page(batch)
    batch_runs.run(timezone.now())
    body = ada.page(batch)
    assert "asked, no outcome yet" in body
    (command,) = re.findall(r'href="(/dashboard/commands/[^"]+)"', body)
    assert batch in ada.page(command)
    assert ada.sent_on(f"{batch}/cancel") == batch
    assert "This batch is over." in ada.post(f"{batch}/pause", 409)


def test_a_payload_that_does_not_fit_starts_nothing(ada: Person, board: Board) -> None:
    page = make_group(ada)
    ada.post(f"{page}/ask", 422, do="send", kind="set_relay")
    ada.post(f"{page}/ask", 400, do="send", kind="reboot", per_minute="0")
    ada.post(f"{page}/ask", 400, do="send", kind="unheard_of")
    assert "No batches yet" in ada.page("/dashboard/batches")


def test_viewers_read_and_strangers_find_nothing(ada: Person, board: Board) -> None:
    page = make_group(ada)
    batch = ada.sent_on(f"{page}/ask", do="send", kind="reboot")
    viewer, stranger = member(ada, "viewer"), Person(make_user())
    for path in (page, batch):
        assert "Boards" in viewer.page(path)
        stranger.page(path, status=404)
    for deed in ("pause", "resume", "cancel"):
        viewer.post(f"{batch}/{deed}", 403)
        stranger.post(f"{batch}/{deed}", 404)
    for path in (f"{page}/edit", f"{page}/remove", f"{page}/ask"):
        viewer.page(path, status=403)
        stranger.page(path, status=404)
    home = f"?tenant={groups.groups_visible_to(ada.actor).get().tenant.uid}"
    viewer.page(f"/dashboard/groups/new{home}", status=403)
    stranger.page(f"/dashboard/batches/{uuid.uuid4()}", status=404)


def test_who_is_limited_to_sites_sees_groups_and_makes_none(ada: Person, board: Board) -> None:
    page = make_group(ada)
    site = make_site(ada.actor, "store")
    helper = Person(join(ada.actor, "operator", site_ids=[site.pk]))
    home = f"?tenant={groups.groups_visible_to(ada.actor).get().tenant.uid}"
    assert "0 devices" in helper.page(page)
    helper.page(f"/dashboard/groups/new{home}", status=403)
    helper.page(f"{page}/edit{home}", status=403)
