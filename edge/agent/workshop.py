"""What this machine can be asked to do besides switching relays, one function for each kind."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from edge.agent import background
from edge.agent.agreements import Agreements
from edge.agent.diagnostics import Diagnostics
from edge.agent.drivers.infrared import InfraredDriver
from edge.agent.power import Power
from edge.protocol import duties
from edge.protocol.messages import Ack, AckStatus, Command, ConfigApplied, Progress, UpMessage

_LONGEST_DELAY_S: Final = 3_600.0
_GOING_DOWN_WITHIN_S: Final = 300.0
_LOOK_EVERY_S: Final = 0.2
_LEARN_FOR_S: Final = (1.0, 30.0, 120.0)

Say = Callable[[UpMessage], None]
Result = Mapping[str, Any]


class WorkFailed(Exception):
    """A command that could not be carried out; the reason is the ``error`` of its answer."""


class Workshop:
    """Carries out commands; what it says on the way goes to the server when there is one."""

    def __init__(
        self,
        *,
        agreements: Agreements,
        diagnostics: Diagnostics,
        power: Power,
        infrared: InfraredDriver | None = None,
    ) -> None:
        self._agreements = agreements
        self._diagnostics = diagnostics
        self._power = power
        # Commands that are past the point where they could be stopped.
        self.unstoppable: set[str] = set()
        self._kinds: dict[str, Callable[[Command, Say], Awaitable[Result]]] = {
            duties.REBOOT: self._reboot,
            "update_config": self._update_config,
            "run_diagnostics": self._run_diagnostics,
        }
        if infrared is not None:
            self._infrared = infrared
            self._kinds |= {"ir_learn": self._learn, "ir_transmit": self._transmit}

    def knows(self, kind: str) -> bool:
        """Say whether a command of this kind can be carried out here."""
        return kind in self._kinds

    async def do(self, command: Command, say: Say) -> Result:
        """Carry out a command and return its result; raises ``WorkFailed``."""
        try:
            return await self._kinds[command.kind](command, say)
        except OSError as fault:
            raise WorkFailed(str(fault)[:200]) from fault

    def finished_reboot(self) -> Ack | None:
        """Return the answer of the command that restarted the machine, once it has."""
        rebooting = self._agreements.rebooting
        if rebooting is None or rebooting[1] == self._power.boot_id():
            return None
        return Ack(rebooting[0], AckStatus.SUCCEEDED, result={"rebooted": True})

    def forget_reboot(self) -> None:
        """Let go of the command that restarted the machine: its outcome is remembered."""
        if self._agreements.rebooting is not None:
            self._agreements.note_reboot(None)

    async def _reboot(self, command: Command, _: Say) -> Result:
        delay_s = _number(command.payload.get("delay_s"), default=0.0)
        await asyncio.sleep(min(_LONGEST_DELAY_S, max(0.0, delay_s)))
        if not self._power.is_allowed:
            return {"rebooted": False, "dry_run": True}
        self.unstoppable.add(command.command_id)
        self._agreements.note_reboot(command.command_id, boot_id=self._power.boot_id())
        try:
            await background.run(self._power.reboot)
            await asyncio.sleep(_GOING_DOWN_WITHIN_S)
        except OSError:
            self._agreements.note_reboot(None)
            raise
        raise WorkFailed("the machine did not go down")

    async def _update_config(self, command: Command, say: Say) -> Result:
        version, document = command.payload.get("version"), command.payload.get("config")
        if type(version) is not int or not isinstance(document, dict):
            raise WorkFailed("a configuration has a version and a document")
        self._agreements.take_config(version, document)
        in_force = self._agreements.config.version
        say(ConfigApplied(version=in_force))
        return {"version": in_force}

    async def _run_diagnostics(self, command: Command, say: Say) -> Result:
        names = self._diagnostics.named(command.payload.get("checks"))
        found: dict[str, Any] = {}
        for number, name in enumerate(names):
            progress = Progress(percent=100 * number // len(names), message=name[:200])
            say(Ack(command.command_id, AckStatus.ACCEPTED, progress=progress))
            found[name] = await background.run(partial(self._diagnostics.run, name))
        return {"ok": all(check["ok"] for check in found.values()), "checks": found}

    async def _learn(self, command: Command, say: Say) -> Result:
        shortest, usual, longest = _LEARN_FOR_S
        timeout_s = _number(command.payload.get("timeout_s"), default=usual)
        try:
            async with asyncio.timeout(min(longest, max(shortest, timeout_s))):
                while (learned := self._infrared.receive(command.command_id)) is None:
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise WorkFailed("nothing_learned") from None
        say(learned)
        return {"frequency_hz": learned.frequency_hz, "timings": list(learned.timings)}

    async def _transmit(self, command: Command, _: Say) -> Result:
        names = ("frequency_hz", "timings", "repeat")
        signal = {name: command.payload[name] for name in names if name in command.payload}
        if not isinstance(signal.get("timings"), list):
            raise WorkFailed("a signal has timings")
        # What goes out in another thread cannot be called back.
        self.unstoppable.add(command.command_id)
        try:
            await background.run(lambda: self._infrared.transmit(command.command_id, signal))
        finally:
            self.unstoppable.discard(command.command_id)
        return {"repeat": signal.get("repeat", 1)}


def _number(value: object, *, default: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return default
