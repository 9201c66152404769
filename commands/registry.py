"""Kinds of commands: who turns them into protocol messages and applies their outcome.

Higher apps register their kinds at start-up; the ledger calls them without importing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from commands import errors
from commands.choices import Delivery
from commands.types import CommandView, Effect, Outcome
from devices.types import SessionFacts
from edge.protocol.messages import Command as CommandMessage
from kernel.actors import Actor
from kernel.startup import require_starting_up

Encode = Callable[[str, dict[str, Any], datetime], Any]
Apply = Callable[[Outcome, datetime], dict[str, Any] | None]
Prepare = Callable[[SessionFacts, dict[str, Any], Actor, datetime], dict[str, Any]]
CUSTOM = "custom."


def _no_lane(payload: Mapping[str, Any]) -> str:
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of command.

    `encode(command_uid, payload, expires_at)` makes the protocol message; `apply(outcome, now)`
    runs in the transaction of the outcome and returns what is kept as the command's result.
    `schema` is the JSON Schema of the payload (2020-12); `prepare(facts, payload, actor, now)`
    completes a payload that meets it, or refuses it for this device before it writes anything,
    in the transaction that writes the command. `lane(payload)` see lanes.py; it is asked of the
    payload as it came.

    `role` is the least role that may ask for it, `capability` what a device must not lack: one
    that never said what it can do is asked.

    `answer_s`: unanswered so many seconds after it was sent, its outcome is unknown; None: as the
    installation has it (ACK_TIMEOUT_SECONDS). `run_s`: the same after the device said that
    it has begun, or got further. `max_sends`: how often it is handed out under its id while its
    outcome is unknown, new connections not counted; `most_sends`: those counted too, for what a
    device that forgets its ring would do again each time it comes.
    """

    name: str
    encode: Encode
    apply: Apply
    title: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    lane: Callable[[Mapping[str, Any]], str] = _no_lane
    prepare: Prepare | None = None
    delivery: str = Delivery.QUEUE
    lifetime: timedelta = timedelta(hours=1)
    max_lifetime: timedelta = timedelta(days=30)
    answer_s: int | None = None
    run_s: int = 60
    max_sends: int = 3
    most_sends: int | None = None
    coalesce: bool = False
    role: str = "operator"
    capability: str = ""

    @property
    def fixed_lane(self) -> str | None:
        """The lane that all its commands run in; None where the payload decides."""
        try:
            return self.lane({})
        except KeyError:
            return None

    def is_worn_out(self, sends: int) -> bool:
        """Whether a command that has gone out so often never goes again."""
        return self.most_sends is not None and sends >= self.most_sends


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetDevices:
    """The devices (by their keys) that a target of a batch names, all of one tenant."""

    tenant_id: int
    device_ids: Iterable[int]
    label: str


ResolveTarget = Callable[[Actor, Any], TargetDevices]

EffectsOf = Callable[[CommandView, int], list[Effect]]

_kinds: dict[str, Kind] = {}
_effects: dict[str, EffectsOf] = {}
_targets: dict[str, ResolveTarget] = {}


def register(kind: Kind) -> None:
    """Add a kind while the apps start up; a name can be taken once."""
    require_starting_up("registry of command kinds")
    if kind.name in _kinds and _kinds[kind.name] != kind:
        raise ValueError(f"There is a kind {kind.name!r} already.")
    _kinds[kind.name] = kind


def plain_name(name: str) -> str:
    """The name of a kind however it is spelled: `REBOOT` and `Set-Relay` are names of kinds."""
    return name.strip().lower().replace("-", "_")


def kind_named(name: str) -> Kind:
    """The kind of that name; every `custom.…` behaves like the one kind `custom`.

    Raises UnknownKind.
    """
    if name.startswith(CUSTOM):
        return _custom(name)
    try:
        return _kinds[name]
    except KeyError:
        raise errors.UnknownKind(details={"/kind": [f"There is no kind {name!r}."]}) from None


@lru_cache(maxsize=1024)
def encode_as(name: str) -> Encode:
    """How a kind without a message of its own goes over the wire: as a `command` of its name."""

    def encode(command_uid: str, payload: dict[str, Any], expires_at: datetime) -> CommandMessage:
        return CommandMessage(
            command_id=command_uid, kind=name, payload=payload, expires_at=expires_at
        )

    return encode


def keep_result(outcome: Outcome, now: datetime) -> dict[str, Any] | None:
    """The outcome of a kind that changes nothing here: the device's own result stays as it is."""
    return None


@lru_cache(maxsize=1024)
def _custom(name: str) -> Kind:
    return replace(_kinds["custom"], name=name, encode=encode_as(name))


def kinds() -> list[Kind]:
    """Every registered kind, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def knows(name: str) -> bool:
    """Whether some part of the product handles this kind."""
    return ("custom" if name.startswith(CUSTOM) else name) in _kinds


def register_effects(name: str, effects_of: EffectsOf) -> None:
    """Have the function tell what a command has changed; it is given its device's key too.

    Called when somebody asks why, in a reading that the actor may make.
    """
    require_starting_up("registry of effects of commands")
    _effects[name] = effects_of


def effects() -> dict[str, EffectsOf]:
    """Who can tell what a command has changed, by name."""
    return dict(_effects)


def register_target(name: str, resolve: ResolveTarget) -> None:
    """Let batches name their devices as `{name: value}`; `resolve(actor, value)` finds them.

    It raises NotFound or ValidationFailed for what the actor may not see or cannot mean.
    """
    require_starting_up("registry of batch targets")
    _targets[name] = resolve


def targets() -> dict[str, ResolveTarget]:
    """How batches may name their devices."""
    return dict(_targets)
