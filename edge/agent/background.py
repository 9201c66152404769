"""Running a blocking call beside the event loop without ever delaying the agent's stop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")


async def run(call: Callable[[], _T]) -> _T:
    """Return what the call returns; when nobody waits any more, it is left to end by itself.

    The loop's own executor joins its threads at exit, so one hanging server would hold up
    SIGTERM for the whole network timeout. A daemon thread does not.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, fault: BaseException | None) -> None:
        if outcome.done():
            return
        if fault is not None:
            outcome.set_exception(fault)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]  # None only if _T allows it

    def work() -> None:
        result: _T | None = None
        fault: BaseException | None = None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001  # handed over, not swallowed
            fault = raised
        with suppress(RuntimeError):  # the loop has closed: the agent stopped meanwhile
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=work, daemon=True).start()
    return await outcome
