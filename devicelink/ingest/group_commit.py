"""The bounded queue of one process, and the one flusher that takes everything from it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival, Verdict
from kernel import errors
from kernel.metrics import INGEST_FLUSH_SECONDS, INGEST_QUEUED
from kernel.threads import run_in_database_thread
from telemetry.types import Acknowledgement

logger = logging.getLogger(__name__)

MAX_READINGS = 20_000
MAX_BYTES = 32 * 1024 * 1024
# No device may fill the queue for all others.
MAX_READINGS_OF_ONE = 4_000
READINGS_PER_FLUSH = 5_000
_RETRY_SECONDS = 1
# Whoever has waited this long for one flush is better told to come again.
_PATIENCE_SECONDS = 20.0
_DRAIN_SECONDS = 4.0

Tell = Callable[[Verdict], None]


class _Waiting(NamedTuple):
    arrival: Arrival
    weight: int
    tell: Tell
    # Of who waits by itself, and may have left.
    verdict: asyncio.Future[Verdict] | None

    @property
    def is_over(self) -> bool:
        return self.verdict is not None and self.verdict.done()


class GroupCommit:
    """Holds what arrived until it is committed; lives on one event loop.

    Nothing is taken in that is not answered, and nothing is answered as stored before COMMIT:
    what comes while the queue is full is refused at once, and what was taken in is stored or
    refused by the database.
    """

    def __init__(self) -> None:
        self._queue: deque[_Waiting] = deque()
        self._readings = 0
        self._bytes = 0
        self._of_device: Counter[str] = Counter()
        self._arrived = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._is_count_due = False

    async def store(self, arrival: Arrival) -> Acknowledgement | None:
        """What became of these readings; None when their sender must be let in anew.

        Raises Unavailable while the queue is full, the database is away or the server stops, and
        RateLimited when one device has too much in the queue; nothing of it is stored then, but
        for a connection that broke at COMMIT, after which the same readings are duplicates.
        """
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._enqueue(arrival, answer.set_result, answer)
        verdict = await answer
        if isinstance(verdict, errors.HomepotError):
            raise verdict
        return verdict

    def submit(self, arrival: Arrival, tell: Tell) -> None:
        """Have the verdict on these readings told, in time; for whoever has many under way at once.

        Raises what `store` raises for a full queue; every other error is a verdict.
        """
        self._enqueue(arrival, tell)

    async def stop(self) -> None:
        """Refuse what comes from now on and commit what is there; stopping twice is fine."""
        self._is_stopping = True
        flusher, self._flusher = self._flusher, None
        if flusher is None:
            return
        self._arrived.set()
        await asyncio.wait({flusher}, timeout=_DRAIN_SECONDS)
        flusher.cancel()
        await asyncio.gather(flusher, return_exceptions=True)
        self._settle(list(self._queue), [errors.Unavailable(retry_after=2)] * len(self._queue))
        self._queue.clear()
        self._show_count()

    def _enqueue(
        self, arrival: Arrival, tell: Tell, verdict: asyncio.Future[Verdict] | None = None
    ) -> None:
        # A batch of refused readings alone still costs its place.
        weight = len(arrival.telemetry.readings) or 1
        if self._of_device[arrival.sender.uid] + weight > MAX_READINGS_OF_ONE:
            raise errors.RateLimited(retry_after=_RETRY_SECONDS)
        is_full = self._readings + weight > MAX_READINGS or self._bytes + arrival.size > MAX_BYTES
        if is_full or self._is_stopping:
            raise errors.Unavailable(retry_after=_RETRY_SECONDS)
        self._queue.append(_Waiting(arrival, weight, tell, verdict))
        self._weigh(arrival, weight)
        self._arrived.set()
        if self._flusher is None:
            # Not every server tells its application that it starts.
            self._flusher = asyncio.create_task(self._run(), name="telemetry-flusher")

    async def _run(self) -> None:
        while self._queue or not self._is_stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                await self._flush(self._take())

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        readings = 0
        while self._queue and readings < READINGS_PER_FLUSH:
            waiting = self._queue.popleft()
            if waiting.is_over:
                # Who asked has been told to come again, or has left.
                self._weigh(waiting.arrival, -waiting.weight)
                continue
            taken.append(waiting)
            readings += waiting.weight
        return taken

    async def _flush(self, taken: list[_Waiting]) -> None:
        if not taken:
            return
        began = time.perf_counter()
        verdicts: list[Verdict]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                verdicts = await run_in_database_thread(
                    flushing.store, [waiting.arrival for waiting in taken]
                )
        except asyncio.CancelledError:
            self._settle(taken, [errors.Unavailable(retry_after=2)] * len(taken))
            raise
        except TimeoutError:
            # The thread may still come through; to who sends again they are duplicates then.
            logger.error("A flush of readings takes too long")
            verdicts = [errors.Unavailable(retry_after=2)] * len(taken)
        except Exception:
            logger.exception("A flush of readings failed")
            verdicts = [errors.Unavailable(retry_after=2)] * len(taken)
        INGEST_FLUSH_SECONDS.observe(time.perf_counter() - began)
        self._settle(taken, verdicts)

    def _settle(self, taken: Sequence[_Waiting], verdicts: Sequence[Verdict]) -> None:
        for waiting, verdict in zip(taken, verdicts, strict=True):
            self._weigh(waiting.arrival, -waiting.weight)
            if waiting.is_over:
                continue
            try:
                waiting.tell(verdict)
            except Exception:
                # The next one waits for its verdict too.
                logger.exception("A verdict on readings could not be handled")

    def _weigh(self, arrival: Arrival, weight: int) -> None:
        """Add what waits to the books of the queue, or take it off, its weight below zero then."""
        uid = arrival.sender.uid
        self._readings += weight
        self._bytes += arrival.size if weight > 0 else -arrival.size
        self._of_device[uid] += weight
        if not self._of_device[uid]:
            del self._of_device[uid]
        if not self._is_count_due:
            # Once, however many come or go together.
            self._is_count_due = True
            asyncio.get_running_loop().call_soon(self._show_count)

    def _show_count(self) -> None:
        self._is_count_due = False
        INGEST_QUEUED.set(self._readings)
