"""`manage.py ticker`: deadlines, presence and housekeeping; any number may run."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from kernel import ticker


class Command(BaseCommand):
    """Runs the periodic jobs until it is told to stop."""

    help = "Run the periodic jobs of a production installation."

    def handle(self, *args: Any, **options: Any) -> None:
        """Tick until SIGTERM or SIGINT."""
        self.check(databases=["default"])
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda signum, frame: stop.set())
        ticker.run(stop)
