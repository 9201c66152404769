"""Configurations: versions made by people, confirmed by devices, never lost on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership
from audit.models import AuditEntry
from devices import errors, events
from devices.config_types import ConfigView
from devices.models import Device, DeviceConfig, DeviceConfigRevision
from devices.selectors import config as selectors
from devices.services import config, config_editing, editing, sessions, unpairing
from devices.types import DeviceChanges
from edge.protocol.messages import ConfigApplied
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from tests.factories.devices import Board, connected_device, make_device, provision, reconnected
from tests.factories.users import actor_of, make_user, tenant_of
from tests.kernel.threads import run_at_once
from tests.rounds import rounds

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def edit(board: Board, actor: Actor, **changes: Any) -> None:
    """Change the device itself, as its page does."""
    editing.update_device(
        device_uid=board.uid, changes=DeviceChanges(**changes), actor=actor, now=timezone.now()
    )


def patch(board: Board, actor: Actor, change: dict[str, Any], if_match: str | None = "*") -> Any:
    """Merge a patch into the configuration."""
    return config_editing.patch_config(
        device_uid=board.uid, patch=change, if_match=if_match, actor=actor, now=timezone.now()
    )


def merge(board: Board, actor: Actor, change: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Do what preparing an `update_config` command does."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=board.device_id)
        return config.merge_config(facts=facts, patch=change, actor=actor, now=timezone.now())


def say(board: Board, version: int, error: str | None = None, *, epoch: int | None = None) -> bool:
    """Have the device confirm."""
    message = ConfigApplied(version=version, error=error)
    return config.confirm(
        device_id=board.device_id, epoch=epoch, message=message, now=timezone.now()
    )


def kept(board: Board) -> ConfigView:
    """The configuration as it is now."""
    return selectors.configs_of([board.device_id])[board.device_id]


def to_send(board: Board, **more: bool) -> int | None:
    """The version that the device would be sent."""
    found = selectors.unapplied_config([board.device_id], **more).get(board.device_id)
    return None if found is None else found.version


def versions(board: Board) -> list[int]:
    """The numbers of the versions that are kept."""
    rows = DeviceConfigRevision.objects.unscoped(WHY).filter(device_id=board.device_id)
    return list(rows.order_by("version").values_list("version", flat=True))


def test_a_device_that_nobody_configured_is_sent_nothing(board: Board, owner: Actor) -> None:
    edit(board, owner, name="Lobby", tags=["hall"])
    assert (kept(board).version, to_send(board), versions(board)) == (0, None, [])
    assert selectors.config_versions([board.device_id]) == {}
    assert selectors.config_of(board.row(), owner).document == {
        "relay_names": {}, "input_config": {}, "power_restore_mode": "off", "config": {},
    }  # fmt: skip


def test_every_way_to_change_it_makes_the_next_version(board: Board, owner: Actor) -> None:
    edit(board, owner, relay_names={"0": "Lamp"})
    edit(board, owner, name="Lobby")
    merge(board, owner, {"led": "dim", "old": 1})
    patch(board, owner, {"power_restore_mode": "last", "config": {"old": None}})
    edit(board, owner, input_config={"0": {"mode": "toggle", "relay": 0}})

    document = {
        "relay_names": {"0": "Lamp"},
        "input_config": {"0": {"mode": "toggle", "relay": 0}},
        "power_restore_mode": "last",
        "config": {"led": "dim"},
    }
    found = selectors.unapplied_config([board.device_id])[board.device_id]
    assert (found.version, found.config) == (4, document)
    assert versions(board) == [1, 2, 3, 4]
    row = board.row()
    assert (row.relay_names, row.power_restore_mode) == ({"0": "Lamp"}, "last")
    assert row.input_config == document["input_config"]


def test_what_changes_nothing_makes_no_version(board: Board, owner: Actor) -> None:
    merge(board, owner, {"volume": 1})
    assert merge(board, owner, {"volume": 1.0, "absent": None})[0] == 1
    assert patch(board, owner, {"config": {"volume": 1}}).version == 1
    edit(board, owner, power_restore_mode="off")
    assert versions(board) == [1]
    assert merge(board, owner, {"volume": True})[0] == 2


def test_a_change_tells_who_when_and_why(
    board: Board, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(config, "publish", told.append)
    patch(board, owner, {"config": {"led": "dim"}})
    (revision,) = DeviceConfigRevision.objects.unscoped(WHY).filter(device_id=board.device_id)
    assert (revision.by, revision.cause[-1]["id"]) == (owner.label, owner.id)
    entry = AuditEntry.objects.unscoped(WHY).get(action="devices.config.changed")
    assert (entry.before, entry.after) == ({"version": 0}, {"version": 1, "members": ["config"]})
    assert LiveEvent.objects.filter(kind="config_changed").get().payload == {
        "device_uid": board.uid,
        "version": 1,
    }
    assert [(event.device_id, event.version) for event in told] == [(board.device_id, 1)]
    assert isinstance(told[0], events.ConfigChanged)


def test_a_device_confirms_and_drift_has_an_age(owner: Actor) -> None:
    board = connected_device(owner)
    merge(board, owner, {"led": "dim"})
    since = kept(board).drift_since
    merge(board, owner, {"led": "off"})
    assert since is not None
    assert kept(board).drift_since == since
    assert selectors.config_versions([board.device_id]) == {board.device_id: (2, 0)}

    assert say(board, 1, epoch=board.epoch)
    assert (kept(board).is_applied, kept(board).drift_since, to_send(board)) == (False, since, 2)
    assert say(board, 2, epoch=board.epoch)
    told = kept(board)
    assert (told.is_applied, told.drift_since, to_send(board)) == (True, None, None)
    assert say(board, 2, epoch=board.epoch)
    assert LiveEvent.objects.filter(kind="config_confirmed").count() == 2


def test_a_device_that_went_back_is_sent_it_again(board: Board, owner: Actor) -> None:
    for number in (1, 2):
        merge(board, owner, {"n": number})
    assert say(board, 2)
    assert say(board, 0)
    assert (to_send(board), kept(board).is_applied) == (2, False)


def test_what_a_device_refuses_is_sent_again_only_when_it_may_have_learnt(
    board: Board, owner: Actor
) -> None:
    merge(board, owner, {"led": "dim"})
    assert say(board, 1, "no such led")
    told = kept(board)
    assert (told.refused_version, told.error, told.is_applied) == (1, "no such led", False)
    assert (to_send(board), to_send(board, include_refused=True)) == (None, 1)
    assert selectors.unapplied_versions([board.device_id]) == {}
    merge(board, owner, {"led": None})
    assert (kept(board).error, to_send(board)) == ("", 2)
    assert say(board, 1, "too late to matter")
    assert (kept(board).error, to_send(board)) == ("", 2)


def test_a_version_that_we_do_not_know_is_outbid(board: Board, owner: Actor) -> None:
    """Of before a restored backup, or of the hardware's former owner."""
    merge(board, owner, {"led": "dim"})
    assert say(board, 1)
    for strange in (7, 30):
        assert not say(board, strange)
        assert to_send(board) == strange + 1
    assert versions(board) == [1, 31]
    assert kept(board).applied_version == 0
    assert say(board, 31)
    assert kept(board).is_applied
    assert kept(board).document["config"] == {"led": "dim"}


def test_hardware_with_another_owners_configuration_gets_an_empty_one(
    board: Board, owner: Actor
) -> None:
    assert not say(board, 12)
    found = selectors.unapplied_config([board.device_id])[board.device_id]
    assert (found.version, found.config["config"]) == (13, {})


@pytest.mark.parametrize("version", [2**53, 2**63 - 1])
def test_no_device_drives_the_count_to_its_end(board: Board, owner: Actor, version: int) -> None:
    merge(board, owner, {"led": "dim"})
    assert not say(board, version)
    assert kept(board).version == 1


def test_a_device_without_an_owner_has_no_configuration() -> None:
    made = provision()
    board = Board(made.device_id, made.device_uid, made.device_token, str(made.claim_code))
    assert say(board, 0)
    assert not say(board, 9)
    with pytest.raises(kernel_errors.NotFound):
        merge(board, Actor.system("tests"), {"led": "dim"})
    edit(board, Actor.system("tests"), relay_names={"0": "Lamp"})
    assert not DeviceConfig.objects.unscoped(WHY).exists()


def test_a_replaced_session_and_an_ended_life_confirm_nothing(owner: Actor) -> None:
    board = connected_device(owner)
    merge(board, owner, {"led": "dim"})
    reconnected(board)
    with pytest.raises(errors.SessionFenced):
        say(board, 1, epoch=board.epoch)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    with pytest.raises(errors.DeviceUnpaired):
        say(board, 1)
    with pytest.raises(errors.DeviceArchived):
        patch(board, owner, {"config": {}})
    with pytest.raises(errors.DeviceArchived):
        merge(board, owner, {"led": "off"})
    assert kept(board).applied_version == 0
    assert to_send(board) is None


def test_the_next_life_begins_without_it(owner: Actor) -> None:
    board = make_device(owner, hardware_id="AA:1")
    merge(board, owner, {"wifi": "secret"})
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    other = actor_of(make_user())
    again = make_device(other, hardware_id="AA:1")
    assert (kept(again).version, kept(board).version) == (0, 1)
    assert list(selectors.config_revisions_of(board.row(), other)) == []
    archive = board.row().final_state
    assert archive is not None
    assert archive["config"]["config"] == {"wifi": "secret"}


def test_an_edit_names_the_version_it_was_made_to(board: Board, owner: Actor) -> None:
    with pytest.raises(kernel_errors.PreconditionRequired):
        patch(board, owner, {"config": {"led": "dim"}}, None)
    patch(board, owner, {"config": {"led": "dim"}}, '"0"')
    with pytest.raises(kernel_errors.PreconditionFailed) as refusal:
        patch(board, owner, {"config": {"led": "off"}}, '"0", W/"1"')
    assert refusal.value.etag == '"1"'
    assert refusal.value.details["current"]["config"]["config"] == {"led": "dim"}
    with pytest.raises(kernel_errors.ValidationFailed):
        patch(board, owner, {}, "1")
    machine = Actor.system("automations")
    assert patch(board, machine, {"config": {"led": "on"}}, None).version == 2


def test_an_earlier_version_comes_back_as_the_next(board: Board, owner: Actor) -> None:
    edit(board, owner, relay_names={"0": "Lamp"})
    patch(board, owner, {"relay_names": {"0": "Fan"}, "config": {"led": "dim"}})
    now = timezone.now()
    made = config_editing.restore_config(
        device_uid=board.uid, version=1, if_match="*", actor=owner, now=now
    )
    assert (made.version, made.document["relay_names"]) == (3, {"0": "Lamp"})
    assert (board.row().relay_names, made.document["config"]) == ({"0": "Lamp"}, {})
    again = config_editing.restore_config(
        device_uid=board.uid, version=3, if_match="*", actor=owner, now=now
    )
    assert (again.version, to_send(board)) == (4, 4)
    with pytest.raises(kernel_errors.ValidationFailed):
        config_editing.restore_config(
            device_uid=board.uid, version=9, if_match="*", actor=owner, now=now
        )


def test_only_the_newest_versions_are_kept(
    board: Board, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "KEPT_REVISIONS", 3)
    for number in range(5):
        merge(board, owner, {"n": number})
    assert versions(board) == [3, 4, 5]


def test_a_document_is_bounded_however_it_grows(board: Board, owner: Actor) -> None:
    merge(board, owner, {"a": "x" * 40_000})
    with pytest.raises(kernel_errors.ValidationFailed):
        merge(board, owner, {"b": "x" * 40_000})
    merge(board, owner, {"a": "x" * 65_300})
    with pytest.raises(kernel_errors.ValidationFailed):
        edit(board, owner, relay_names={str(index): "x" * 100 for index in range(4)})
    assert (kept(board).version, board.row().relay_names) == (2, {})


def test_who_sees_other_sites_only_edits_nothing(board: Board, owner: Actor) -> None:
    viewer = make_user()
    Membership.objects.create(
        user=viewer, tenant_id=tenant_of(owner), role="viewer", created_at=timezone.now()
    )
    with pytest.raises(kernel_errors.PermissionDenied):
        patch(board, actor_of(viewer), {"config": {"led": "dim"}})
    with pytest.raises(kernel_errors.NotFound):
        patch(board, actor_of(make_user()), {"config": {"led": "dim"}})


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_lose_nothing(board: Board, owner: Actor) -> None:
    """People, commands and the page change different parts at the same moment."""
    count = rounds(2, full=50)
    for number in range(count):
        outcomes = run_at_once(4, lambda who, n=number: _write(board, owner, who, n))
        assert outcomes == [None] * 4
    made = kept(board)
    wanted = {f"{who}.{n}" for who in range(3) for n in range(count)}
    assert set(made.document["config"]) == wanted
    assert made.document["relay_names"] == {"0": f"Lamp {count - 1}"} == board.row().relay_names
    assert made.version == 4 * count == len(versions(board))


def _write(board: Board, owner: Actor, who: int, number: int) -> None:
    if who == 3:
        edit(board, owner, relay_names={"0": f"Lamp {number}"})
    elif who == 2:
        patch(board, owner, {"config": {f"{who}.{number}": 1}})
    else:
        merge(board, owner, {f"{who}.{number}": 1})


def test_devices_of_many_are_looked_up_at_once(
    owner: Actor, django_assert_num_queries: Any
) -> None:
    boards = [make_device(owner) for _ in range(3)]
    for board in boards:
        merge(board, owner, {"led": "dim"})
    keys = [board.device_id for board in boards]
    with django_assert_num_queries(2):
        assert set(selectors.unapplied_config(keys)) == set(keys)
        assert selectors.config_versions(keys) == dict.fromkeys(keys, (1, 0))
    assert Device.objects.unscoped(WHY).filter(config__drift_since__isnull=False).count() == 3
    late = timezone.now() + timedelta(hours=1)
    assert not Device.objects.unscoped(WHY).filter(config__drift_since__gt=late).exists()
