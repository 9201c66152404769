"""Somebody who asks devices for all kinds of things, all the time, and remembers what was taken."""

from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.factories.installation import Answer, Installation

BLINK = "custom.blink"
_SWITCHES = ("set_relay", "set_relay", "set_all_relays")
ALL_KINDS = (*_SWITCHES, BLINK, BLINK, "update_config", "run_diagnostics", "reboot")
_LIFETIMES_S = (2, 90, 90, 90)
_CANCELLED = 0.08
_DESIRED = 0.05
_MERGE_PATCH = "application/merge-patch+json"


class Traffic:
    """Threads that ask; ``taken`` holds the ids of the commands the server said it has."""

    def __init__(
        self, home: Installation, uids: Sequence[str], *, seed: int, kinds: Sequence[str]
    ) -> None:
        self._kinds = kinds
        self._home = home
        self._uids = uids
        self._seed = seed
        self._ended = threading.Event()
        self.taken: list[str] = []
        self.answers: Counter[str] = Counter()
        self.desired: Counter[str] = Counter()

    @contextmanager
    def running(self, threads: int) -> Iterator[None]:
        """Ask for the length of the block."""
        askers = [
            threading.Thread(target=self._ask_on_and_on, args=(number,), daemon=True)
            for number in range(threads)
        ]
        for asker in askers:
            asker.start()
        try:
            yield
        finally:
            self._ended.set()
            for asker in askers:
                asker.join(60)

    def _ask_on_and_on(self, number: int) -> None:
        dice = random.Random(f"{self._seed}:{number}")
        while not self._ended.is_set():
            uid = dice.choice(self._uids)
            if dice.random() < _DESIRED:
                self._desire(uid, dice)
            else:
                self._ask(uid, dice)

    def _ask(self, uid: str, dice: random.Random) -> None:
        wanted = _wanted(dice, self._kinds)
        # Asked again under the same key until somebody answers: taken once however often.
        answer = self._insist("POST", f"/api/v1/devices/{uid}/commands", wanted)
        if answer is None:
            return
        self.answers[f"{answer.status} {_code(answer)}"] += 1
        if answer.status not in (200, 202):
            self._ended.wait(0.05)
            return
        command_id = answer.body["id"]
        self.taken.append(command_id)
        if dice.random() < _CANCELLED:
            self._insist("POST", f"/api/v1/commands/{command_id}/cancel", {})

    def _desire(self, uid: str, dice: random.Random) -> None:
        patch = {"volume": dice.randrange(9), "label": dice.choice(("a", "b", None))}
        answer = self._insist(
            "PATCH",
            f"/api/v1/devices/{uid}/twin/desired",
            patch,
            **{"If-Match": "*", "Content-Type": _MERGE_PATCH},
        )
        if answer is not None:
            self.desired[str(answer.status)] += 1

    def _insist(self, method: str, path: str, body: Any, **headers: str) -> Answer | None:
        key = uuid.uuid4().hex
        while not self._ended.is_set():
            try:
                answer = self._home.call(method, path, body, **{"Idempotency-Key": key}, **headers)
            except (OSError, http.client.HTTPException, ValueError, AssertionError):
                answer = None
            if answer is not None and answer.status == 401:
                self._home.sign_in()
            elif answer is not None and answer.status < 500 and not _is_in_progress(answer):
                return answer
            time.sleep(0.2)
        return None


def _wanted(dice: random.Random, kinds: Sequence[str]) -> dict[str, Any]:
    kind = dice.choice(kinds)
    payload: dict[str, Any] = {}
    if kind in _SWITCHES:
        payload = {"is_on": dice.random() < 0.5}
    if kind == "set_relay":
        payload["relay_index"] = dice.randrange(4)
    if kind == "update_config":
        payload = {"config": {"volume": dice.randrange(9)}}
    expires_in = dice.choice(_LIFETIMES_S)
    if kind in ("reboot", "run_diagnostics", "update_config", BLINK):
        expires_in = 90
    return {
        "kind": kind, "payload": payload, "delivery": "queue", "expires_in": expires_in, "wait": 0,
    }  # fmt: skip


def _code(answer: Answer) -> str:
    return str(answer.body.get("code", "")) if isinstance(answer.body, dict) else ""


def _is_in_progress(answer: Answer) -> bool:
    return _code(answer) == "idempotency_in_progress"
