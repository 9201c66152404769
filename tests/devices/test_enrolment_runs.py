"""Running a bulk enrolment: every row once, whatever happens to who runs it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Membership
from audit.models import AuditEntry
from devices.models import ClaimCode, Device, EnrolmentRow, Site
from devices.services import (
    claiming,
    enrolling,
    enrolment_deadlines,
    enrolment_runs,
    site_registration,
    sites,
)
from devices.types import NewSite
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.models import LiveEvent
from tests.accounts.people import assert_refused, make_admin
from tests.devices.enrolment_lists import (
    checked,
    device_rows,
    hardware_rows,
    living,
    now_of,
    rows_of,
    run_all,
    started,
    states_of,
)
from tests.factories.devices import make_device, provision
from tests.factories.users import actor_of, make_actor, tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def progress_of(uid: str) -> list[dict[str, Any]]:
    events = LiveEvent.objects.filter(kind="enrolment_progress").order_by("seq")
    return [event.payload for event in events if event.payload["enrolment"] == uid]


def audit_of(action: str) -> list[AuditEntry]:
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return list(entries.filter(action=action).order_by("pk"))


@pytest.fixture(autouse=True)
def endless_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 10 rows, which a slow machine does not cut short."""
    monkeypatch.setattr(enrolment_runs, "CHUNK", 10)
    monkeypatch.setattr(enrolment_runs, "CHUNK_SECONDS", 60.0)


def test_a_started_enrolment_enrols_its_valid_rows(api: APIClient, owner: Actor) -> None:
    sites.create_site(
        given=NewSite(site_id="store-1", name="Store"), actor=owner, now=timezone.now()
    )
    rows = [{**row, "site": "store-1"} for row in device_rows(12)] + [{"device_id": "not good"}]
    made = checked(owner, rows).enrolment
    answer = api.post(f"/api/v1/enrolments/{made.uid}/start")
    assert answer.status_code == 202
    assert len(answer.json()["passphrase"]) == 29
    assert answer.json()["state"] == "queued"
    assert run_all() == 12
    shown = api.get(f"/api/v1/enrolments/{made.uid}").json()
    assert (shown["state"], shown["enrolled"], shown["failed"], shown["invalid"]) == (
        "done", 12, 0, 1,
    )  # fmt: skip
    assert states_of(made) == ["enrolled"] * 12 + ["invalid"]
    device = Device.objects.unscoped("tests").get(device_id="pos-1")
    assert (device.pairing, device.enrolled_by, device.name) == ("paired", "bulk", "Till 1")
    assert device.site is not None and device.site.site_id == "store-1"
    assert device.tags == ["till"]
    assert [event["enrolled"] for event in progress_of(made.uid)] == [0, 10, 12]
    assert len(audit_of("devices.device.registered")) == 12
    assert [entry.action for entry in audit_of("devices.enrolment.finished")] != []


def test_starting_twice_is_refused_and_starting_again_with_its_key_is_not(
    api: APIClient, owner: Actor
) -> None:
    made = checked(owner, device_rows(1)).enrolment
    path = f"/api/v1/enrolments/{made.uid}/start"
    first = api.post(path, headers={"Idempotency-Key": "start"})
    again = api.post(path, headers={"Idempotency-Key": "start"})
    assert first.json()["passphrase"] == again.json()["passphrase"]
    assert_refused(api.post(path), 409, "conflict")
    assert len(audit_of("devices.enrolment.started")) == 1


def test_a_list_without_a_valid_row_is_not_started(owner: Actor) -> None:
    with pytest.raises(Conflict):
        started(owner, [{"device_id": "not good"}])


def test_a_row_that_became_invalid_fails_and_stops_no_other(owner: Actor) -> None:
    made = started(owner, device_rows(3)).enrolment
    site_registration.register_at_site(
        site_id=sites.create_site(
            given=NewSite(site_id="s", name="S"), actor=owner, now=timezone.now()
        ).site_id,
        given=site_registration.SiteDevice(device_id="pos-2"),
        actor=owner,
        now=timezone.now(),
    )
    assert run_all() == 3
    assert states_of(made) == ["enrolled", "failed", "enrolled"]
    assert rows_of(made)[1].problems == {
        "row": ["A device of that id is registered. Unpair it first, or renew its key."]
    }
    assert living("pos-") == 3


def test_a_site_that_went_away_fails_its_rows_only(owner: Actor) -> None:
    for site_id in ("stays", "goes"):
        sites.create_site(
            given=NewSite(site_id=site_id, name=site_id), actor=owner, now=timezone.now()
        )
    rows = [{"device_id": f"pos-{site}", "site": site} for site in ("stays", "goes")]
    made = started(owner, rows).enrolment
    Site.objects.unscoped("tests").filter(site_id="goes").update(removed_at=timezone.now())
    run_all()
    assert states_of(made) == ["enrolled", "failed"]
    assert rows_of(made)[1].problems == {"site": ["There is no such site."]}


def test_a_creator_who_lost_the_role_enrols_nothing(owner: Actor) -> None:
    made = started(owner, device_rows(3)).enrolment
    Membership.objects.unscoped("tests").filter(user_id=owner.user_id).update(role="viewer")
    run_all()
    assert states_of(made) == ["failed"] * 3
    assert "may not take devices in" in rows_of(made)[0].problems["row"][0]
    assert living("pos-") == 0
    assert now_of(made).state == "done"


def test_a_run_that_dies_within_a_chunk_loses_and_doubles_nothing(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = started(owner, device_rows(25)).enrolment
    now = timezone.now()
    whole = site_registration.enrol_one
    calls = 0

    def dying(**values: Any) -> Device:
        nonlocal calls
        calls += 1
        if calls == 15:
            raise SystemError("killed")
        return whole(**values)

    monkeypatch.setattr(site_registration, "enrol_one", dying)
    with pytest.raises(SystemError):
        for _ in range(3):
            enrolment_runs.run_chunk(enrolment_id=made.pk, now=now)
    assert living("pos-") == now_of(made).enrolled == 10
    assert len(audit_of("devices.device.registered")) == 10
    # Whoever was killed holds the lease until it ends.
    assert enrolment_runs.run(now) == 0
    later = now + enrolment_runs.LEASE + timedelta(seconds=1)
    assert enrolment_runs.run(later) == 15
    assert living("pos-") == now_of(made).enrolled == 25
    assert states_of(made) == ["enrolled"] * 25
    assert len(audit_of("devices.device.registered")) == 25


@pytest.mark.parametrize("place", ["_extend", "_settle", "_enrol"])
def test_a_death_at_any_step_is_made_up_for_after_the_lease(
    owner: Actor, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    made = started(owner, device_rows(5)).enrolment
    now = timezone.now()

    def killed(*given: Any) -> Any:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(enrolment_runs, place, killed)
        with pytest.raises(SystemError):
            enrolment_runs.run_chunk(enrolment_id=made.pk, now=now)
    assert living("pos-") == 0
    enrolment_runs.run(now + enrolment_runs.LEASE)
    assert living("pos-") == now_of(made).enrolled == 5


def test_who_was_slower_than_the_lease_writes_nothing(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = started(owner, device_rows(5)).enrolment
    now = timezone.now()
    extend = enrolment_runs._extend

    def overtaken(enrolment: Any, moment: Any) -> bool:
        monkeypatch.setattr(enrolment_runs, "_extend", extend)
        later = now + enrolment_runs.LEASE
        assert enrolment_runs.run_chunk(enrolment_id=made.pk, now=later) == 5
        return extend(enrolment, moment)

    monkeypatch.setattr(enrolment_runs, "_extend", overtaken)
    assert enrolment_runs.run_chunk(enrolment_id=made.pk, now=now) == 0
    assert living("pos-") == now_of(made).enrolled == 5


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_enrol_every_row_once(owner: Actor) -> None:
    first = started(owner, device_rows(40, prefix="a")).enrolment
    second = started(make_actor(), device_rows(40, prefix="b")).enrolment

    def work(number: int) -> int:
        return sum(enrolment_runs.run(timezone.now()) for _ in range(6))

    counts = run_at_once(3, work)
    assert all(isinstance(count, int) for count in counts), counts
    run_all()
    assert living("a-") == living("b-") == 40
    assert states_of(first) == states_of(second) == ["enrolled"] * 40
    assert now_of(first).enrolled == now_of(second).enrolled == 40
    assert len(audit_of("devices.device.registered")) == 80


def test_a_cancelled_enrolment_keeps_what_is_done(api: APIClient, owner: Actor) -> None:
    made = started(owner, device_rows(25)).enrolment
    enrolment_runs.run_chunk(enrolment_id=made.pk, now=timezone.now())
    answer = api.delete(f"/api/v1/enrolments/{made.uid}")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert run_all() == 0
    assert states_of(made) == ["enrolled"] * 10 + ["skipped"] * 15
    assert api.delete(f"/api/v1/enrolments/{made.uid}").json()["state"] == "cancelled"
    assert len(audit_of("devices.enrolment.cancelled")) == 1
    assert_refused(api.post(f"/api/v1/enrolments/{made.uid}/start"), 409, "conflict")


def test_a_done_enrolment_cannot_be_cancelled(owner: Actor) -> None:
    made = started(owner, device_rows(1)).enrolment
    run_all()
    with pytest.raises(Conflict):
        enrolling.cancel_enrolment(enrolment_uid=made.uid, actor=owner, now=timezone.now())


def test_a_cancel_during_a_chunk_wins_or_waits(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = started(owner, device_rows(5)).enrolment
    prepare = enrolment_runs._prepare

    def cancelled_meanwhile(*given: Any) -> Any:
        enrolling.cancel_enrolment(enrolment_uid=made.uid, actor=owner, now=timezone.now())
        return prepare(*given)

    monkeypatch.setattr(enrolment_runs, "_prepare", cancelled_meanwhile)
    assert enrolment_runs.run_chunk(enrolment_id=made.pk, now=timezone.now()) == 0
    assert living("pos-") == 0 and now_of(made).state == "cancelled"


def test_each_enrolment_gets_its_turn(owner: Actor) -> None:
    large = started(owner, device_rows(30, prefix="large")).enrolment
    small = started(make_actor(), device_rows(1, prefix="small")).enrolment
    ticks = itertools.count(0.0, 0.05)
    enrolment_runs.run(timezone.now(), clock=lambda: next(ticks))
    assert now_of(small).state == "done"
    assert now_of(large).state == "running"


def test_a_slow_chunk_ends_early_and_goes_on_later(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_runs, "CHUNK_SECONDS", 0.0)
    made = started(owner, device_rows(3)).enrolment
    assert enrolment_runs.run_chunk(enrolment_id=made.pk, now=timezone.now()) == 1
    assert states_of(made) == ["enrolled", "waiting", "waiting"]
    run_all()
    assert states_of(made) == ["enrolled"] * 3


def test_a_list_that_nobody_started_goes_after_a_week(owner: Actor) -> None:
    made = checked(owner, device_rows(2)).enrolment
    now = timezone.now()
    assert enrolment_deadlines.sweep(now + timedelta(days=6)) == 0
    assert enrolment_deadlines.sweep(now + timedelta(days=7, seconds=1)) == 1
    assert rows_of(made) == []
    assert not type(made).objects.unscoped("tests").filter(pk=made.pk).exists()
    assert len(audit_of("devices.enrolment.expired")) == 1


def test_keys_that_nobody_fetched_go_after_a_week(owner: Actor) -> None:
    made = started(owner, device_rows(2)).enrolment
    run_all()
    assert all(row.sealed_secret for row in rows_of(made))
    assert enrolment_deadlines.sweep(timezone.now() + timedelta(days=6)) == 0
    assert enrolment_deadlines.sweep(timezone.now() + timedelta(days=7, seconds=5)) == 1
    assert not any(row.sealed_secret for row in rows_of(made))
    assert now_of(made).seal_key is None
    assert states_of(made) == ["enrolled"] * 2


def test_a_run_that_never_ends_is_ended(owner: Actor) -> None:
    made = started(owner, device_rows(12)).enrolment
    enrolment_runs.run_chunk(enrolment_id=made.pk, now=timezone.now())
    assert enrolment_deadlines.sweep(timezone.now() + timedelta(hours=25)) == 1
    assert states_of(made) == ["enrolled"] * 10 + ["failed"] * 2
    shown = now_of(made)
    assert (shown.state, shown.enrolled, shown.failed) == ("done", 10, 2)
    assert run_all() == 0


def test_claim_codes_outlast_the_registration_of_their_hardware(owner: Actor) -> None:
    admin = actor_of(make_admin())
    provision("AA:BB:2")
    made = started(admin, hardware_rows(3), mode="claim_code", claim_days=30).enrolment
    make_device(owner, hardware_id="AA:BB:3")
    run_all()
    assert states_of(made) == ["enrolled", "enrolled", "failed"]
    unclaimed = Device.objects.unscoped("tests").get(hardware_id="AA:BB:1")
    assert (unclaimed.pairing, unclaimed.tenant_id, unclaimed.model) == ("unclaimed", None, "HP-R4")
    assert made.started_at is not None
    code = ClaimCode.objects.get(device=unclaimed)
    assert (code.source, code.expires_at) == ("owner", made.started_at + timedelta(days=30))
    again = provision("AA:BB:1")
    assert again.device_uid == unclaimed.uid
    assert ClaimCode.objects.filter(device=unclaimed, source="owner", used_at=None).count() == 1
    assert len(audit_of("devices.device.claim_code_issued")) == 2


def test_who_is_no_administrator_any_more_prints_no_codes(owner: Actor) -> None:
    admin = make_admin()
    made = started(actor_of(admin), hardware_rows(2), mode="claim_code").enrolment
    admin.platform_role = "user"
    admin.save(update_fields=["platform_role"])
    run_all()
    assert states_of(made) == ["failed"] * 2
    assert ClaimCode.objects.count() == 0


def test_the_claim_of_a_printed_code_uses_up_all_codes(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_runs.tokens, "new_code", lambda: "ABCD1234")
    started(actor_of(make_admin()), hardware_rows(1), mode="claim_code")
    run_all()
    monkeypatch.undo()
    provision("AA:BB:1")
    device = claiming.claim_device(
        code="abcd-1234", actor=owner, now=timezone.now(), tenant_id=tenant_of(owner)
    )
    assert device.hardware_id == "AA:BB:1"
    assert not ClaimCode.objects.filter(used_at=None).exists()


def test_rows_hold_no_readable_secret(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets: list[str] = []
    make = enrolment_runs.tokens.new_token

    def noted(nbytes: int = 32) -> str:
        secrets.append(make(nbytes))
        return secrets[-1]

    monkeypatch.setattr(enrolment_runs.tokens, "new_token", noted)
    made = started(owner, device_rows(2)).enrolment
    run_all()
    assert len(secrets) == 2
    stored = EnrolmentRow.objects.unscoped("tests").filter(enrolment=made).values()
    entries = AuditEntry.objects.unscoped("tests").values()
    text = repr([list(stored), list(entries), list(LiveEvent.objects.values())])
    assert not any(secret in text for secret in secrets)
