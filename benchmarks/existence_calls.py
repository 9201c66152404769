"""Times the calls of `existence_timing` inside one process: `existence_calls COUNT`.

Each question is asked in turns for something of another tenant's and for something that is not
there, through the whole stack of the product. Prints seconds as JSON, by question.
"""

# ruff: noqa: E402  Django must be set up before its models are imported.
from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command
from django.utils import timezone

from devices.services import transfers
from kernel import row_security, tokens
from kernel.models import RateWindow
from tests.factories import devices as boards
from tests.factories.sites import make_site
from tests.factories.users import actor_of, client_of, make_user, sign_in

_V1 = "/api/v1"
_WARM_UP = 20
# Refusals: had a call been let in, its time would say nothing.
_EXPECTED = frozenset({401, 404})
Ask = Callable[[str], Any]


def questions() -> dict[str, tuple[Ask, Callable[[], str], Callable[[], str]]]:
    """By name: how to ask, by what name for the other tenant's, and by what name for nothing."""
    asking = client_of(sign_in(make_user()))
    stranger = type(asking)()
    far = actor_of(make_user())
    make_site(far, "far-lobby")
    board = boards.connected_device(far)
    command = boards.switch(far, board, 0, True)
    offer = transfers.offer_transfer(device_uid=board.uid, actor=far, now=timezone.now())
    transfers.cancel_transfer(transfer_uid=offer.uid, actor=far, now=timezone.now())

    def get(path: str) -> Any:
        return asking.get(f"{_V1}/{path}")

    def post(path: str, field: str) -> Ask:
        return lambda code: asking.post(f"{_V1}/{path}", {field: code}, format="json")

    def prove(uid: str) -> Any:
        return stranger.get(
            f"{_V1}/devices/self", HTTP_X_DEVICE_ID=uid, HTTP_X_API_KEY=tokens.new_token()
        )

    def uuid() -> str:
        return f"01890000-0000-7000-8000-{secrets.token_hex(6)}"

    return {
        "device": (
            get, lambda: f"devices/{board.uid}", lambda: f"devices/{tokens.new_public_id()}"
        ),
        "site": (get, lambda: "sites/far-lobby", lambda: f"sites/no-{secrets.token_hex(3)}"),
        "command": (get, lambda: f"commands/{command.id}", lambda: f"commands/{uuid()}"),
        "transfer code": (
            post("transfers/accept", "code"), lambda: offer.code, lambda: _code(len(offer.code))
        ),
        "claim code": (
            post("devices/claim", "claim_code"), lambda: board.claim_code, lambda: _code(9)
        ),
        "device's key": (prove, lambda: board.uid, tokens.new_public_id),
    }  # fmt: skip


def measure(count: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each call, in turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, (ask, foreign, unknown) in questions().items():
        times: dict[str, list[float]] = {"foreign": [], "unknown": []}
        for turn in range(_WARM_UP + count):
            pair = [("foreign", foreign), ("unknown", unknown)]
            # Whoever comes second in a pair may find warmer caches; they take turns at that too.
            for kind, name_of in pair if turn % 2 else reversed(pair):
                seconds = _timed(ask, name_of())
                if turn >= _WARM_UP:
                    times[kind].append(seconds)
        found[name] = times
    return found


def _timed(ask: Ask, name: str) -> float:
    # What limits the tries would refuse the sixth.
    RateWindow.objects.all().delete()
    began = time.perf_counter()
    answer = ask(name)
    took = time.perf_counter() - began
    if answer.status_code not in _EXPECTED:
        raise RuntimeError(f"{answer.status_code}: {answer.content!r}")
    return took


def _code(length: int) -> str:
    return "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(length))


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    with row_security.platform_scope("benchmark"):
        result = measure(int(sys.argv[1]))
    print(json.dumps(result))
