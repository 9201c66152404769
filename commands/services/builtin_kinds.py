"""The kinds of commands that every device may be asked for, whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from commands import lanes, registry, state_machine
from commands.registry import Kind
from commands.types import Outcome
from devices.services import config as device_config
from devices.types import SessionFacts
from kernel.actors import Actor

REBOOT = "reboot"
UPDATE_CONFIG = "update_config"
RUN_DIAGNOSTICS = "run_diagnostics"
OTA_INSTALL = "ota_install"
WEEK = timedelta(days=7)
# Checks that an agent knows by itself; a device may know others.
CHECKS = ("system", "disk", "memory", "clock", "network")

_REBOOT = {
    "type": "object",
    "description": "Restarts the device once it has answered.",
    "properties": {
        "delay_s": {
            "type": "integer",
            "title": "Delay",
            "description": "Seconds between the answer and the restart.",
            "minimum": 0,
            "maximum": 300,
            "default": 0,
        }
    },
    "additionalProperties": False,
}
_UPDATE_CONFIG = {
    "type": "object",
    "description": "Changes the device's configuration by a merge patch (RFC 7396).",
    "properties": {
        "config": {
            "type": "object",
            "title": "Changes",
            "description": "What is named is set, null takes it away, the rest stays as it is.",
            "minProperties": 1,
        }
    },
    "required": ["config"],
    "additionalProperties": False,
}
_RUN_DIAGNOSTICS = {
    "type": "object",
    "description": "Has the device examine itself and answer with what it found.",
    "properties": {
        "checks": {
            "type": "array",
            "title": "Checks",
            "description": "Only these; without them, every check that the device knows.",
            "items": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9_]{0,39}$",
                "examples": list(CHECKS),
            },
            "minItems": 1,
            "maxItems": 32,
            "uniqueItems": True,
        }
    },
    "additionalProperties": False,
}
_OTA_INSTALL = {
    "type": "object",
    "description": "Has the device fetch a release, check its digest and install it.",
    "properties": {
        "version": {
            "type": "string",
            "title": "Version",
            "description": "What the device runs afterwards.",
            "minLength": 1,
            "maxLength": 64,
        },
        "url": {
            "type": "string",
            "title": "Address",
            "description": "Where the device fetches the release.",
            "pattern": "^https://[^ ]+$",
            "maxLength": 2000,
        },
        "sha256": {
            "type": "string",
            "title": "SHA-256",
            "description": "The digest of the release, in lower-case hexadecimal digits.",
            "pattern": "^[0-9a-f]{64}$",
        },
    },
    "required": ["version", "url", "sha256"],
    "additionalProperties": False,
}


def merge_config(
    facts: SessionFacts, payload: dict[str, Any], actor: Actor, now: datetime
) -> dict[str, Any]:
    """Make the next version of the device's configuration, and send that whole."""
    version, document = device_config.merge_config(
        facts=facts, patch=payload["config"], actor=actor, now=now
    )
    return {"version": version, "config": document}


def confirm_config(outcome: Outcome, now: datetime) -> dict[str, Any] | None:
    """Keep which version the device works by, now that it has taken one."""
    if outcome.state == state_machine.SUCCEEDED:
        said = (outcome.result or {}).get("version")
        device_config.record_command_answer(
            device_id=outcome.device_id,
            device_uid=outcome.device_uid,
            version=said if type(said) is int else outcome.payload.get("version", 0),
            now=now,
        )
    return None


def _in_order(payload: Mapping[str, Any]) -> str:
    return lanes.SYSTEM


def _in_config(payload: Mapping[str, Any]) -> str:
    return lanes.CONFIG


def register() -> None:
    """Tell the ledger of the kinds that need no app of their own."""
    in_order = partial(Kind, apply=registry.keep_result, lane=_in_order, run_s=300)
    for kind in (
        in_order(
            name=REBOOT,
            encode=registry.encode_as(REBOOT),
            title="Reboot",
            schema=_REBOOT,
            lifetime=timedelta(hours=1),
            answer_s=30,
            run_s=600,
            # Each sending may cost another restart of a device that forgets what it did, and each
            # restart brings another connection.
            max_sends=2,
            most_sends=5,
        ),
        in_order(
            name=RUN_DIAGNOSTICS,
            encode=registry.encode_as(RUN_DIAGNOSTICS),
            title="Run diagnostics",
            schema=_RUN_DIAGNOSTICS,
            lifetime=timedelta(hours=1),
            answer_s=30,
        ),
        in_order(
            name=OTA_INSTALL,
            encode=registry.encode_as(OTA_INSTALL),
            title="Install a release",
            schema=_OTA_INSTALL,
            lifetime=WEEK,
            answer_s=60,
            run_s=1800,
            max_sends=2,
            most_sends=5,
            role="admin",
        ),
        in_order(
            name="custom",
            encode=registry.encode_as("custom"),
            title="Custom",
            lifetime=timedelta(hours=1),
            answer_s=30,
        ),
        Kind(
            name=UPDATE_CONFIG,
            encode=registry.encode_as(UPDATE_CONFIG),
            apply=confirm_config,
            title="Update configuration",
            schema=_UPDATE_CONFIG,
            prepare=merge_config,
            lane=_in_config,
            lifetime=WEEK,
            answer_s=30,
            coalesce=True,
        ),
    ):
        registry.register(kind)
