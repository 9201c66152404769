"""What devices report of their relays, asked or unasked."""

from __future__ import annotations

from datetime import datetime

from commands.selectors import open_commands
from commands.services import results
from devices.services import firmware, sessions
from devices.types import SessionFacts
from edge.protocol.messages import StateReport
from kernel.actors import Actor
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from relays.choices import Source
from relays.services import states
from relays.services.switching import SET_ALL_RELAYS, SET_RELAY


def apply_state_report(
    *, device_id: int, epoch: int | None, report: StateReport, now: datetime
) -> int:
    """Reconcile the known positions with the device's; returns how many relays changed.

    Commands of unknown outcome whose wish the report shows fulfilled become succeeded. `epoch` is
    None on wires without sessions. Raises SessionFenced for a session that was replaced.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        if report.firmware_version:
            firmware.note_firmware(device_id=device_id, firmware_version=report.firmware_version)
        if not _is_news(facts, epoch, report, now):
            return 0
        positions = {relay.relay_index: relay.is_on for relay in report.relays}
        actor = Actor.device(device_id=device_id, uid=facts.device_uid, tenant_id=facts.tenant_id)
        changed = states.apply_observation(
            observation=states.Observation(
                device_id=device_id,
                device_uid=facts.device_uid,
                tenant_id=facts.tenant_id,
                positions=positions,
                source=Source.DEVICE,
                actor=actor,
                cause=[actor.as_cause()],
            ),
            now=now,
        )
        _resolve_unknown(facts, positions, now)
        failpoint("relays.report.written")
    return len(changed)


def _is_news(facts: SessionFacts, epoch: int | None, report: StateReport, now: datetime) -> bool:
    if epoch is None and facts.is_live:
        # Its session numbers what it says; this came by the way and fits in nowhere.
        return False
    return sessions.accept_observation(
        facts=facts,
        state_seq=report.state_seq,
        is_counting_anew=epoch is None and facts.has_greeted_lately(now),
    )


def _resolve_unknown(facts: SessionFacts, positions: dict[int, bool], now: datetime) -> None:
    for command in open_commands(device_ids=[facts.device_id], kinds=(SET_RELAY, SET_ALL_RELAYS)):
        wanted = command.payload["is_on"]
        if command.kind == SET_RELAY:
            indexes = [command.payload["relay_index"]]
        else:
            indexes = list(range(facts.relay_count))
        if all(positions.get(index) is wanted for index in indexes):
            results.resolve_by_report(
                facts=facts,
                command_uid=str(command.uid),
                result={"relays": [{"relay_index": index, "is_on": wanted} for index in indexes]},
                now=now,
            )
