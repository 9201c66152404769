"""How a route answers that has asked a device for something."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers, status
from rest_framework.response import Response

from commands import selectors, state_machine
from commands.types import CommandView
from kernel import row_security
from kernel.actors import Actor
from kernel.api.views import json_response
from kernel.deferral import Deferral
from kernel.realtime import Message, command_topic

DEFAULT_WAIT_S = 5.0
MAX_WAIT_S = 30.0


class WaitInput(serializers.Serializer[Any]):
    """How long the caller waits for the outcome."""

    wait = serializers.FloatField(
        min_value=0,
        max_value=MAX_WAIT_S,
        required=False,
        default=DEFAULT_WAIT_S,
        help_text="Seconds to wait for the outcome; 0 answers 202 at once.",
    )


def answer_for(*, command: CommandView, wait_s: float, actor: Actor) -> Response:
    """202 with the command's address; the server turns it into the outcome within the wait."""
    response = Response(command.as_json(), status=status.HTTP_202_ACCEPTED)
    response["Location"] = f"/api/v1/commands/{command.id}"
    if wait_s > 0:
        response.deferral = Deferral(  # type: ignore[attr-defined]
            topic=command_topic(command.id),
            timeout_s=wait_s,
            accept=_has_outcome,
            resolve=lambda message: _resolved(message, command.id, actor),
            is_light=True,
        )
    return response


def _has_outcome(message: Message) -> bool:
    return message["command"]["state"] in state_machine.FINAL


def _resolved(message: Message | None, command_id: str, actor: Actor) -> HttpResponse:
    if message is not None:
        shown = message["command"]
    else:
        # The hint may have been lost: the ledger is asked before the answer says "still open".
        with row_security.actor_scope(actor):
            shown = selectors.command_by_uid(actor=actor, uid=uuid.UUID(command_id)).as_json()
    is_final = shown["state"] in state_machine.FINAL
    response = json_response(shown, status=200 if is_final else 202)
    response["Location"] = f"/api/v1/commands/{command_id}"
    return response
