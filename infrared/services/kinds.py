"""The kinds of commands about infrared; registered with the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from commands import lanes, registry
from commands.choices import Delivery
from devices.types import SessionFacts
from edge.protocol.limits import MAX_IR_TIMINGS
from infrared import pronto, selectors
from infrared.services import codes, learning
from infrared.services.learning import IR_LEARN
from kernel import errors as kernel_errors
from kernel.actors import Actor

IR_TRANSMIT = "ir_transmit"
CAPABILITY = "infrared"
SHORTEST_LEARNING_S = 5
LONGEST_LEARNING_S = 120
USUAL_LEARNING_S = 30
LIFETIME = timedelta(seconds=30)
# A press of a button that was asked for long ago surprises whoever is in the room.
_LONGEST_LIFE = timedelta(minutes=5)
# Until the longest learning is over, and its answer had time to come.
_LEARNING_LIFE = timedelta(seconds=LONGEST_LEARNING_S + 60)

_LEARN = {
    "type": "object",
    "description": "Has the device listen for a remote control, and keeps what it receives.",
    "properties": {
        "name": {
            "type": "string",
            "title": "Name",
            "description": "What the code is called; with a number when it is taken.",
            "pattern": "\\S",
            "minLength": 1,
            "maxLength": codes.MAX_NAME,
        },
        "timeout_s": {
            "type": "integer",
            "title": "Time",
            "description": "Seconds to listen.",
            "minimum": SHORTEST_LEARNING_S,
            "maximum": LONGEST_LEARNING_S,
            "default": USUAL_LEARNING_S,
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}
_TRANSMIT = {
    "type": "object",
    "description": "Has the device send one of its codes.",
    "properties": {
        "code": {
            "type": "string",
            "title": "Code",
            "description": "The id of the code, or its name.",
            "minLength": 1,
            "maxLength": codes.MAX_NAME,
        },
        "repeat": {
            "type": "integer",
            "title": "Times",
            "description": "How often; without it, as often as the code itself says.",
            "minimum": 1,
            "maximum": codes.MAX_REPEAT,
        },
    },
    "required": ["code"],
    "additionalProperties": False,
}


def prepare_learning(
    facts: SessionFacts, payload: dict[str, Any], actor: Actor, now: datetime
) -> dict[str, Any]:
    """Refuse to learn what there is no room for."""
    codes.require_room(facts.device_id)
    return {
        "name": payload["name"].strip(),
        "timeout_s": payload.get("timeout_s", USUAL_LEARNING_S),
    }


def prepare_transmission(
    facts: SessionFacts, payload: dict[str, Any], actor: Actor, now: datetime
) -> dict[str, Any]:
    """Put the signal itself in the place of the name: a device need not know any code."""
    code = selectors.code_named(device_id=facts.device_id, name=payload["code"])
    if code is None:
        problem = "This device has no such code."
        raise kernel_errors.ValidationFailed(details={"/code": [problem]})
    times = payload.get("repeat", code.repeat)
    timings, repeat = pronto.transmitted(selectors.view_of(code).signal, times)
    if len(timings) > MAX_IR_TIMINGS:
        problem = (
            f"{times} times are {len(timings)} marks and spaces; {MAX_IR_TIMINGS} can be sent."
        )
        raise kernel_errors.ValidationFailed(details={"/repeat": [problem]})
    return {
        "code": str(code.uid),
        "name": code.name,
        "frequency_hz": code.frequency_hz,
        "timings": list(timings),
        "repeat": repeat,
    }


def _in_lane(payload: Mapping[str, Any]) -> str:
    return lanes.INFRARED


def register() -> None:
    """Tell the ledger of the infrared kinds."""
    registry.register(
        registry.Kind(
            name=IR_LEARN,
            encode=registry.encode_as(IR_LEARN),
            apply=learning.apply_outcome,
            title="Learn an infrared code",
            schema=_LEARN,
            lane=_in_lane,
            prepare=prepare_learning,
            delivery=Delivery.NOW,
            lifetime=_LEARNING_LIFE,
            max_lifetime=_LEARNING_LIFE,
            answer_s=LONGEST_LEARNING_S + 10,
            run_s=LONGEST_LEARNING_S + 10,
            max_sends=2,
            capability=CAPABILITY,
        )
    )
    registry.register(
        registry.Kind(
            name=IR_TRANSMIT,
            encode=registry.encode_as(IR_TRANSMIT),
            apply=registry.keep_result,
            title="Send an infrared code",
            schema=_TRANSMIT,
            lane=_in_lane,
            prepare=prepare_transmission,
            delivery=Delivery.NOW,
            lifetime=LIFETIME,
            max_lifetime=_LONGEST_LIFE,
            capability=CAPABILITY,
        )
    )
