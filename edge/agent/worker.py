"""Carrying out what takes time, beside the connection: begun once, answered when it is done."""

import asyncio
import logging
from collections import deque
from datetime import datetime
from typing import Final

from edge.agent.board import Board
from edge.agent.workshop import Result, WorkFailed, Workshop
from edge.protocol import documents, duties, limits
from edge.protocol.messages import Ack, AckStatus, Cancel, Command, UpMessage

_log = logging.getLogger(__name__)

AGENT_FAILED: Final = "agent_failed"
# What is said on the way is worth little later; an outcome is kept by the board.
_NEWS_KEPT: Final = 64


class Worker:
    """Outlives connections: work goes on without one, and its outcome is told over the next."""

    def __init__(self, board: Board, workshop: Workshop) -> None:
        self._board = board
        self._workshop = workshop
        self._running: dict[str, asyncio.Task[None]] = {}
        self._news: deque[UpMessage] = deque(maxlen=_NEWS_KEPT)
        self.changed = asyncio.Event()
        rebooted = workshop.finished_reboot()
        if rebooted is not None:
            board.finish(rebooted)
        # Only now: killed before this, the next start finds out once more.
        workshop.forget_reboot()

    def take(self, command: duties.AnyCommand, *, server_now: datetime) -> Ack:
        """Return the answer to a command; what takes time is begun, and answered again later."""
        decision = self._board.consider(
            command, server_now=server_now, knows=self._workshop.knows, running=self._running
        )
        if decision.begins and isinstance(command, Command):
            self._running[command.command_id] = asyncio.ensure_future(self._run(command))
        return decision.ack

    def cancel(self, cancel: Cancel) -> Ack:
        """Return the answer to somebody who no longer wants a command."""
        decision = self._board.cancel(
            cancel,
            running=self._running,
            stoppable=self._running.keys() - self._workshop.unstoppable,
        )
        if decision.stops:
            self._running.pop(cancel.command_id).cancel()
        return decision.ack

    def news(self) -> list[UpMessage]:
        """Return what was said on the way since this was last asked."""
        taken = list(self._news)
        self._news.clear()
        return taken

    def untold(self) -> list[Ack]:
        """Return the outcomes that were not told yet."""
        return self._board.untold(running=self._running)

    def close(self) -> None:
        """Leave off all work; what was cut short is answered so after the next start."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()

    async def _run(self, command: Command) -> None:
        try:
            result = await self._workshop.do(command, self._say)
            outcome = Ack(command.command_id, AckStatus.SUCCEEDED, result=_fitting(result))
        except WorkFailed as fault:
            outcome = duties.failure(command, error=str(fault))
        except Exception:  # noqa: BLE001  # a command without an answer would stay open
            _log.exception("command %s could not be carried out", command.command_id)
            outcome = duties.failure(command, error=AGENT_FAILED)
        _log.info("command %s: %s", command.command_id, outcome.error or outcome.status)
        self._board.finish(outcome)
        self._running.pop(command.command_id, None)
        self.changed.set()

    def _say(self, message: UpMessage) -> None:
        self._news.append(message)
        self.changed.set()


def _fitting(result: Result) -> Result:
    """Return the result, or why there is none: one too large could not even be read back."""
    problem = documents.problem_with(result, max_bytes=limits.MAX_RESULT_BYTES)
    return result if problem is None else {"left_out": problem.code}
