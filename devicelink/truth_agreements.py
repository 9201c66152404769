"""Hold the commands, relays and documents of one simulated life against the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from commands import selectors as commands
from commands import state_machine
from devices.selectors import config as configs
from devices.types import LifeFacts
from edge.protocol.fields import parse_moment
from edge.protocol.merge_patch import are_same
from edge.simulator.truth import DeviceTruth
from kernel.actors import Actor
from relays import selectors as relays
from twins import selectors as twins

# What the ledger may say only of a command that ran, and with this outcome.
_RAN = {
    state_machine.SUCCEEDED: state_machine.SUCCEEDED,
    state_machine.FAILED: state_machine.FAILED,
}
# The device's own report shows what was wanted: also where it was so before.
_SEEN_FULFILLED = "confirmed_by_state_report"
# What it may say only of one that never ran.
_NEVER_RAN = frozenset({state_machine.REJECTED, state_machine.EXPIRED, state_machine.SUPERSEDED})
_OPEN = (state_machine.STATES - state_machine.FINAL) | {state_machine.TIMED_OUT}


@dataclass(slots=True)
class Told:
    """What one life says otherwise than the database, and what nobody can say yet."""

    differences: list[str] = field(default_factory=list)
    ran: int = 0
    unknown: int = 0
    behind: int = 0


def compare(told: DeviceTruth, life: LifeFacts, *, is_over: bool) -> Told:
    """Return what differs; of a fleet that runs only what no delay can explain."""
    found = Told(ran=len(told.executed))
    _compare_runs(found, told)
    if not is_over:
        return found
    states = commands.states_of_commands(device_id=life.device_id)
    found.unknown = sum(state in _OPEN for state, _ in states.values())
    for command_id in told.executed.keys() - states.keys():
        found.differences.append(f"command {command_id} ran and is not in the ledger")
    for command_id, (state, reason) in sorted(states.items()):
        if reason == _SEEN_FULFILLED:
            continue
        problem = _problem(state, told.executed.get(command_id))
        if problem is not None:
            found.differences.append(f"command {command_id} counts as {state} and {problem}")
    if not found.unknown:
        _compare_relays(found, told, life)
    _compare_config(found, told, life)
    _compare_twin(found, told, life)
    return found


def _compare_runs(found: Told, told: DeviceTruth) -> None:
    for command_id, run in told.executed.items():
        if run["count"] > 1:
            found.differences.append(f"command {command_id} ran {run['count']} times")
        ran_at, expires_at = (
            parse_moment(run.get("server_time")),
            parse_moment(run.get("expires_at")),
        )
        if ran_at is not None and expires_at is not None and ran_at >= expires_at:
            found.differences.append(f"command {command_id} ran {ran_at}, after {expires_at}")


def _problem(state: str, run: dict[str, Any] | None) -> str | None:
    outcome = None if run is None else run.get("outcome")
    if state in _RAN:
        if run is None:
            return "never ran"
        return None if outcome == _RAN[state] else f"ended as {outcome}"
    if state in _NEVER_RAN and run is not None:
        return "ran"
    if state == state_machine.CANCELLED and run is not None and outcome != state:
        return f"ran and ended as {outcome}"
    return None


def _compare_relays(found: Told, told: DeviceTruth, life: LifeFacts) -> None:
    for relay in relays.relay_states({life.device_id: {}}).get(life.device_id, []):
        is_known = relay.is_on is not None and relay.relay_index < len(told.relays)
        if is_known and relay.is_on is not told.relays[relay.relay_index]:
            found.differences.append(
                f"relay {relay.relay_index} counts as {relay.is_on} by {relay.source} and is not"
            )


def _compare_config(found: Told, told: DeviceTruth, life: LifeFacts) -> None:
    kept = configs.configs_of([life.device_id])[life.device_id]
    version = told.config.get("version", 0)
    found.behind += kept.applied_version != kept.version
    if kept.applied_version > version:
        found.differences.append(
            f"counts as working by configuration {kept.applied_version}, it has {version}"
        )
    elif (
        kept.version == version and version and not are_same(kept.document, told.config["document"])
    ):
        found.differences.append(f"has another configuration {version} than it was given")


def _compare_twin(found: Told, told: DeviceTruth, life: LifeFacts) -> None:
    kept = twins.twin_of(actor=Actor.system("check_simulation"), device_uid=life.uid)
    version = told.twin.get("desired_version", 0)
    found.behind += kept.applied_version != kept.desired_version
    if kept.applied_version > version:
        found.differences.append(
            f"counts as having taken over desired state {kept.applied_version}, it has {version}"
        )
    if told.twin.get("is_acked") and not are_same(kept.reported, told.twin["document"]):
        found.differences.append("is reported otherwise than it last said")
