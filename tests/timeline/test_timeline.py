"""Everything that happened to a device, from every source, once, to those who may know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from devices.models import SiteOutage
from devices.services import config_editing, inputs, maintenance, rotation, unpairing
from devices.services.editing import update_device
from devices.types import DeviceChanges
from edge.protocol.messages import InputEvent, RelayReading, StateReport
from kernel import errors
from kernel.actors import Actor
from notifications.models import Channel, Notice
from relays.services import reporting
from telemetry.models import DeviceSensorEvent
from tests.factories.devices import Board, connected_device, make_device, switch
from tests.factories.sites import join, make_site
from tests.factories.users import actor_of, make_actor, tenant_of
from timeline.selectors import SOURCES, cursor_of, timeline_of
from timeline.types import Entry
from twins.services import desiring

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@pytest.fixture
def board(owner: Actor) -> Board:
    """A board of the owner's at a site, connected."""
    make_site(owner, "berlin")
    found = connected_device(owner)
    update_device(
        device_uid=found.uid,
        changes=DeviceChanges(site="berlin"),
        actor=owner,
        now=timezone.now(),
    )
    return found


def told(actor: Actor, board: Board, **asked: Any) -> Sequence[Entry]:
    _, page = timeline_of(actor=actor, device_uid=board.uid, now=timezone.now(), **asked)
    return page.entries


def live_through_much(owner: Actor, board: Board) -> None:
    """Bring about something for every source."""
    now = timezone.now()
    switch(owner, board, 0, True)
    desiring.patch_desired(
        device_uid=board.uid, patch={"mode": "night"}, if_match="*", actor=owner, now=now
    )
    config_editing.patch_config(
        device_uid=board.uid, patch={"config": {"volume": 3}}, if_match="*", actor=owner, now=now
    )
    rotation.rotate_token(device_uid=board.uid, actor=owner, now=now)
    event = InputEvent(input_index=0, kind="press", event_id="e-1")
    inputs.record_input_event(device_id=board.device_id, epoch=board.epoch, event=event, now=now)
    _note_what_others_do(owner, board, now)
    maintenance.create_window(
        starts_at=now - timedelta(seconds=1), ends_at=now + timedelta(hours=1),
        reason="Painting", device_uid=board.uid, actor=owner, now=now,
    )  # fmt: skip
    # It began before the device was there, so it is no part of its story.
    maintenance.create_window(
        starts_at=now - timedelta(days=3), ends_at=now - timedelta(days=2),
        device_uid=board.uid, actor=owner, now=now,
    )  # fmt: skip


def _note_what_others_do(owner: Actor, board: Board, now: datetime) -> None:
    """Rows that jobs write: of a sensor, of an outage, and of what a channel was told."""
    mine: Any = {"tenant_id": tenant_of(owner)}
    DeviceSensorEvent.objects.create(
        device_id=board.device_id, sensor="door", kind="contact", value=True, at=now,
        received_at=now, **mine,
    )  # fmt: skip
    site: Any = board.row().site_id
    SiteOutage.objects.create(site_id=site, began_at=now, noticed_at=now, lost=4, total=5, **mine)
    channel = Channel.objects.create(
        transport="webhook", name="Pager", url="https://example.test", created_at=now,
        changed_at=now, **mine,
    )  # fmt: skip
    Notice.objects.create(
        uid="n-1", channel=channel, kind="offline", device_id=board.device_id, at=now, due_at=now,
        dedupe="n-1", created_at=now, **mine,
    )  # fmt: skip


def test_it_tells_of_every_source(owner: Actor, board: Board) -> None:
    live_through_much(owner, board)
    assert {entry.source for entry in told(owner, board)} == set(SOURCES)
    for source in SOURCES:
        found = told(owner, board, sources=(source,))
        assert found, source
        assert {entry.source for entry in found} <= {source, "lives", "keys"}


def test_pages_in_both_directions_are_the_whole(owner: Actor, board: Board) -> None:
    live_through_much(owner, board)
    whole = [entry.uid for entry in told(owner, board, limit=200)]
    assert len(whole) == len(set(whole)) > 10
    down: list[Entry] = []
    before = ""
    while page := told(owner, board, limit=3, before=before):
        down += page
        before = cursor_of(page[-1].key)
    assert [entry.uid for entry in down] == whole
    up: list[str] = []
    after = cursor_of(down[-1].key)
    while page := told(owner, board, limit=3, after=after):
        up = [entry.uid for entry in page] + up
        after = cursor_of(page[0].key)
    assert up == whole[:-1]


def test_commands_that_waited_for_each_other_are_told_by_their_times(
    owner: Actor, board: Board
) -> None:
    now = timezone.now()
    made = [
        switch(owner, board, number % 4, number % 8 < 4, now=now + timedelta(seconds=seconds))
        for number, seconds in enumerate((3, 1, 2, 6, 5, 4, 9, 7, 8))
    ]
    expected = [made[place].id for place in (6, 8, 7, 3, 4, 5, 0, 2, 1)]
    found, before = [], ""
    while page := told(owner, board, sources=("commands",), limit=2, before=before):
        found += [entry.links[0].id for entry in page]
        before = cursor_of(page[-1].key)
    assert found == expected


def test_nothing_is_told_twice_and_the_log_alone_is_whole(owner: Actor, board: Board) -> None:
    live_through_much(owner, board)
    codes = [entry.code for entry in told(owner, board)]
    assert "twins.desired.changed" not in codes
    assert "devices.config.changed" not in codes
    log = [entry.code for entry in told(owner, board, sources=("audit",))]
    assert {"twins.desired.changed", "devices.config.changed"} <= set(log)
    assert "devices.device.claimed" in log


def test_a_command_comes_with_what_led_to_it(owner: Actor, board: Board) -> None:
    made = switch(owner, board, 1, True)
    (entry,) = told(owner, board, sources=("commands",))
    assert entry.links[0].id == made.id
    assert [step.role for step in entry.chain] == ["cause", "command"]
    assert owner.label in entry.chain[0].text
    assert entry.title == "Turn Relay 2 on"


def test_what_the_device_switched_by_itself_is_told(owner: Actor, board: Board) -> None:
    report = StateReport(relays=(RelayReading(relay_index=0, is_on=True),))
    reporting.apply_state_report(
        device_id=board.device_id, epoch=board.epoch, report=report, now=timezone.now()
    )
    (entry,) = [found for found in told(owner, board) if found.code == "relays.relay.switched"]
    assert entry.title == "Switched: Relay 1 on"
    assert entry.by == "the device"


def test_a_span_of_time_ends_before_its_end(owner: Actor, board: Board) -> None:
    switch(owner, board, 0, True)
    (entry,) = told(owner, board, sources=("commands",))
    at, tick = entry.at, timedelta(microseconds=1)
    assert told(owner, board, sources=("commands",), since=at, until=at + tick)
    assert not told(owner, board, sources=("commands",), until=at)
    assert not told(owner, board, sources=("commands",), since=at + tick)


def test_an_ended_life_keeps_its_story(owner: Actor, board: Board) -> None:
    live_through_much(owner, board)
    before = {entry.uid for entry in told(owner, board)}
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    after = told(owner, board)
    assert before <= {entry.uid for entry in after}
    assert "devices.device.unpaired" in {entry.code for entry in after}


def test_strangers_find_no_device_and_a_member_only_those_of_their_sites(
    owner: Actor, board: Board
) -> None:
    live_through_much(owner, board)
    elsewhere = make_site(owner, "munich")
    with pytest.raises(errors.NotFound):
        told(make_actor(), board)
    with pytest.raises(errors.NotFound):
        told(actor_of(join(owner, "viewer", site_ids=[elsewhere.pk])), board)
    near = actor_of(join(owner, "viewer", site_ids=[board.row().site_id]))
    seen = {entry.source for entry in told(near, board)}
    # Channels are for those who manage them.
    assert seen == set(SOURCES) - {"notifications"}


def test_other_devices_of_the_tenant_are_no_part_of_it(owner: Actor, board: Board) -> None:
    other = make_device(owner)
    live_through_much(owner, board)
    assert {entry.source for entry in told(owner, other)} == {"lives"}


@pytest.mark.parametrize(
    "asked",
    [
        {"before": "1.command.1", "after": "1.command.1"},
        {"before": "nonsense"},
        {"sources": ("weather",)},
        {"limit": 0},
        {"limit": 201},
    ],
)
def test_what_cannot_be_asked_is_refused(owner: Actor, board: Board, asked: Any) -> None:
    with pytest.raises(errors.ValidationFailed):
        told(owner, board, **asked)


def test_it_reads_each_source_once(
    owner: Actor, board: Board, django_assert_max_num_queries: Any
) -> None:
    live_through_much(owner, board)
    for number in range(5):
        switch(owner, board, number % 4, True)
    with django_assert_max_num_queries(30):
        told(owner, board)
