"""Many threads that begin at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def run_at_once(count: int, work: Callable[[int], T]) -> list[T | BaseException]:
    """Call `work(0)` … `work(count - 1)` in parallel; returns results and exceptions in order."""
    start = threading.Barrier(count)
    outcomes: list[T | BaseException | None] = [None] * count

    def run(number: int) -> None:
        try:
            start.wait(60)
            outcomes[number] = work(number)
        except BaseException as error:  # noqa: BLE001  the caller judges it
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes  # type: ignore[return-value]
