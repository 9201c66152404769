"""Removing the personal data of a life that has ended, in pieces that survive any interruption."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.permissions import require_role
from audit.services import recording
from devices import errors, events, registry, selectors
from devices.choices import ErasureState
from devices.models import Device, DeviceErasure
from devices.services import erasure_areas, sessions
from kernel import live, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.failpoints import failpoint
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

# Pieces of work in one run: a large archive must not keep the other jobs waiting.
PIECES_AT_ONCE = 50

# What stays, and why; each app adds what it keeps (registry.on_erasure).
_KEPT = {
    "audit_log": (
        "Append-only and chained by hashes, so that nobody can rewrite what happened: its entries "
        "keep the names, addresses and settings they were written with."
    ),
    "live_events": "Events on their way to browsers; they are deleted after 15 minutes.",
    "idempotency_records": (
        "Answers to requests with an Idempotency-Key, sealed under the caller's key; they are "
        "deleted after 24 hours."
    ),
    "rate_limits": "Counts of tries by address; they are deleted once their minutes are over.",
    "server_logs_and_backups": (
        "Outside of the database; they end with the rotation of whoever runs the installation."
    ),
    "device": (
        "Its public id, number, class, type, model, firmware, capabilities, site and the times of "
        "its life: what it was, for counts over all devices."
    ),
    "hardware": (
        "A digest under the installation's secret instead of the hardware's id, so that a later "
        "life of the same hardware gets the next number."
    ),
    "keys": (
        "Digests of keys that are void, so that the hardware is told that it was unpaired, and "
        "finds its new owner after a transfer."
    ),
    "connections": "When it came and went, and why, for the uptime of the past; no addresses.",
    "input_events": "Input, kind and time of each, for counts; without the device's own ids.",
}


def request_erasure(*, device_uid: str, actor: Actor, now: datetime) -> DeviceErasure:
    """Have the personal data of an archived device removed; asking twice is the same job.

    Raises NotFound, PermissionDenied below owner, DeviceLiving before its life has ended.
    """
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
        require_role(actor, device.tenant_id, "owner")
        if sessions.lock_session(device_id=device.pk).is_active:
            raise errors.DeviceLiving
        erasures = DeviceErasure.objects.unscoped("the device whose lock is held")
        known: DeviceErasure | None = erasures.filter(device_id=device.pk).first()
        if known is not None:
            return known
        erasure = DeviceErasure.objects.create(
            uid=tokens.new_public_id(),
            device=device,
            tenant_id=device.tenant_id,
            requested_at=now,
            requested_by=actor.id[:100],
        )
        recording.record(
            tenant_id=device.tenant_id,
            action="devices.device.erasure_requested",
            actor=actor,
            target_type="device",
            target_id=device.uid,
            before=None,
            after={"erasure": erasure.uid},
            now=now,
        )
    return erasure


def run_erasures(now: datetime, *, pieces: int = PIECES_AT_ONCE) -> int:
    """Go on with every erasure that was asked for; returns how many pieces of work were done.

    Each piece and its counts in the report are one transaction, under the device's lock: any
    number of processes may run this at once, and be killed anywhere.
    """
    done = 0
    rows = DeviceErasure.objects.unscoped("what was asked for, by whichever tenant")
    waiting = rows.filter(finished_at__isnull=True).order_by("pk")
    for pk, device_id in list(waiting.values_list("pk", "device_id")[:pieces]):
        while done < pieces and _do_piece(pk, device_id, now):
            done += 1
    return done


@unit_of_work()
def _do_piece(erasure_pk: int, device_id: int, now: datetime) -> bool:
    """Do the next piece of an erasure, or finish it; False when there is nothing left to do."""
    sessions.lock_session(device_id=device_id)
    rows = DeviceErasure.objects.unscoped("the erasure of the device whose lock is held")
    (erasure,) = lock_rows(rows.filter(pk=erasure_pk))
    if erasure.finished_at is not None:
        return False
    erased: dict[str, dict[str, int]] = (erasure.report or {}).get("erased", {})
    for area, erase in (erasure_areas.OWN | registry.erasers()).items():
        counts = erase(device_id, now)
        _add(erased.setdefault(area, {}), counts)
        if counts:
            _keep(erasure, ErasureState.RUNNING, {"erased": erased})
            failpoint("devices.erasure.piece")
            return True
    _finish(erasure, erased, now)
    return True


def _add(total: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        total[name] = total.get(name, 0) + count


def _keep(erasure: DeviceErasure, state: ErasureState, report: dict[str, Any]) -> None:
    erasure.state, erasure.report = state, report
    erasure.save(update_fields=("state", "report", "finished_at"))


def _finish(erasure: DeviceErasure, erased: dict[str, dict[str, int]], now: datetime) -> None:
    erasure.finished_at = now
    report = {
        "erased": erased,
        "kept": _KEPT | registry.kept_by_erasers(),
        "finished_at": now.isoformat(),
    }
    _keep(erasure, ErasureState.DONE, report)
    devices = Device.all_objects.unscoped("the device whose lock is held")
    devices.filter(pk=erasure.device_id).update(erased_at=now)
    uid = devices.values_list("uid", flat=True).get(pk=erasure.device_id)
    recording.record(
        tenant_id=erasure.tenant_id,
        action="devices.device.erased",
        actor=Actor.system("devices.erasures"),
        target_type="device",
        target_id=uid,
        before=None,
        after={"erasure": erasure.uid, "erased": erased},
        now=now,
    )
    publish(
        events.DeviceErased(occurred_at=now, device_id=erasure.device_id, erasure_uid=erasure.uid)
    )
    live.append(
        tenant_id=erasure.tenant_id, kind="device_updated", payload={"device_uid": uid}, now=now
    )
