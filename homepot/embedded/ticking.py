"""The ticker on a thread of this process."""

from __future__ import annotations

import threading

from django.db import connection

from kernel import ticker


class TickerThread:
    """Runs the periodic jobs until `stop()`."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present job, or leave it to the process's end after 3 seconds."""
        self._stop.set()
        self._thread.join(3)

    def _run(self) -> None:
        try:
            ticker.run(self._stop)
        finally:
            connection.close()
