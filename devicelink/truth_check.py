"""Hold the truth of a simulated fleet against the database: what differs, and how much agreed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from django.conf import settings

from devicelink import truth_agreements
from devices import selectors as devices
from devices.types import LifeFacts
from edge.protocol.fields import parse_moment
from edge.simulator import readings
from edge.simulator.readings import Spans
from edge.simulator.truth import DeviceTruth, Truth
from telemetry import selectors as telemetry

# How late presence may be: one sweep, and the way of the last words.
SLACK: Final = timedelta(seconds=10)
# How old the newest word of the server may be for a fleet that runs to be surely online.
_FRESH: Final = timedelta(seconds=5)


@dataclass(slots=True)
class Findings:
    """The first differences, how many there are, and what was compared."""

    keep: int
    differences: list[str] = field(default_factory=list)
    count: int = 0
    lives: int = 0
    acked: int = 0
    stored: int = 0
    # Lives of which it is too early to say whether they should be online.
    unsettled: int = 0
    ran: int = 0
    # Commands that have not ended, or whose outcome nobody knows.
    unknown: int = 0
    # Configurations and desired states that were not confirmed yet.
    behind: int = 0

    def take(self, uid: str, told: truth_agreements.Told) -> None:
        """Note what was found about the commands and documents of one life."""
        self.ran += told.ran
        self.unknown += told.unknown
        self.behind += told.behind
        for text in told.differences:
            self.add(uid, text)

    def add(self, uid: str, text: str) -> None:
        """Note one difference."""
        self.count += 1
        if len(self.differences) < self.keep:
            self.differences.append(f"{uid}: {text}")


def compare(*, truth: Truth, now: datetime, keep: int = 20) -> Findings:
    """Return what the database has otherwise than the devices of the truth had it.

    The truth must cover the whole lives of its devices. While its fleet still runs, what it may
    not have written down yet is not held against the database.
    """
    findings = Findings(keep)
    lives = devices.lives_by_uid(list(truth.devices))
    for uid, told in truth.devices.items():
        findings.lives += 1
        life = lives.get(uid)
        if life is None:
            findings.add(uid, f"life {told.epoch} of {told.hardware_id} is not there")
            continue
        _compare_life(findings, told, life)
        _compare_readings(findings, truth, told, life)
        findings.take(life.uid, truth_agreements.compare(told, life, is_over=not truth.is_running))
        _compare_presence(findings, truth, told, life, now)
    _compare_order(findings, truth, lives)
    return findings


def _compare_life(findings: Findings, told: DeviceTruth, life: LifeFacts) -> None:
    if life.hardware_id != told.hardware_id:
        findings.add(life.uid, f"is {life.hardware_id}, not {told.hardware_id}")
    if not life.is_simulated:
        findings.add(life.uid, "is not marked as simulated")
    if told.ended_at is not None and life.is_active:
        findings.add(life.uid, f"its life ended {told.ended_at} and is not over")
    if told.ended_at is None and not life.is_active and told.line.get("is_open"):
        findings.add(life.uid, "its life is over and its device was not told")


def _compare_order(findings: Findings, truth: Truth, lives: dict[str, LifeFacts]) -> None:
    hardware: dict[str, list[tuple[int, LifeFacts]]] = defaultdict(list)
    for uid, told in truth.devices.items():
        if uid in lives:
            hardware[told.hardware_id].append((told.epoch, lives[uid]))
    for of_one in hardware.values():
        for (before, older), (after, newer) in pairwise(sorted(of_one)):
            if newer.epoch - older.epoch != after - before:
                text = f"is epoch {newer.epoch} after {older.epoch}, not {after} after {before}"
                findings.add(newer.uid, text)


def _compare_readings(findings: Findings, truth: Truth, told: DeviceTruth, life: LifeFacts) -> None:
    boots = {
        boot_id: (Spans(boot["sent"]), Spans(boot["acked"]))
        for boot_id, boot in told.readings.items()
    }
    digests: Counter[str] = Counter()
    stored: dict[str, set[int]] = defaultdict(set)
    for boot_id, seq, metrics in telemetry.stored_readings(device_id=life.device_id):
        findings.stored += 1
        if seq in stored[boot_id]:
            findings.add(life.uid, f"reading {boot_id}/{seq} is stored twice")
            continue
        stored[boot_id].add(seq)
        sent, acked = boots.get(boot_id, (Spans(), Spans()))
        if seq in acked:
            digests[boot_id] += readings.digest(seq, metrics)
        elif seq not in sent and not truth.is_running:
            findings.add(life.uid, f"reading {boot_id}/{seq} is stored and was never sent")
    for boot_id, (_, acked) in boots.items():
        findings.acked += len(acked)
        lost = [seq for seq in _numbers(acked) if seq not in stored[boot_id]]
        for seq in lost:
            findings.add(life.uid, f"reading {boot_id}/{seq} was acknowledged and is not stored")
        if not lost and digests[boot_id] != told.readings[boot_id]["digest"]:
            findings.add(life.uid, f"readings of {boot_id} are stored otherwise than sent")


def _numbers(spans: Spans) -> Iterator[int]:
    for first, last in spans.pairs:
        yield from range(first, last + 1)


def _compare_presence(
    findings: Findings, truth: Truth, told: DeviceTruth, life: LifeFacts, now: datetime
) -> None:
    spoke_at, heard_at = _moment(told.line, "spoke_at"), _moment(told.line, "heard_at")
    timeout = timedelta(seconds=life.offline_after_s or settings.OFFLINE_AFTER_SECONDS)
    is_gone = told.ended_at is not None or spoke_at is None or spoke_at + timeout + SLACK <= now
    is_there = told.line.get("is_open") and heard_at is not None and now - heard_at <= _FRESH
    if life.last_seen_at is not None and spoke_at is not None:
        # A touch is noted up to some seconds after the words it stands for, where no broker may
        # hold them back for as long as the server is away.
        is_direct = told.line.get("wire") != "mqtt"
        if is_direct and not truth.is_running and life.last_seen_at > spoke_at + SLACK:
            findings.add(life.uid, f"was seen {life.last_seen_at}, and spoke last {spoke_at}")
    elif heard_at is not None and life.last_seen_at is None:
        findings.add(life.uid, f"was answered {heard_at} and counts as never seen")
    if is_gone and life.is_online:
        findings.add(life.uid, f"counts as online; it spoke last {spoke_at}")
    elif is_there and truth.is_running and not life.is_online:
        findings.add(life.uid, f"counts as offline; it was answered {heard_at}")
    elif not is_gone and not (is_there and truth.is_running):
        findings.unsettled += 1


def _moment(line: dict[str, Any], name: str) -> datetime | None:
    return parse_moment(line.get(name))
