"""`manage.py serve`: one web process of a production installation; run any number of them."""

from __future__ import annotations

import contextlib
import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from homepot.serving.application import Application
from homepot.serving.server import make_server
from kernel import garbage


class Command(BaseCommand):
    """Checks the installation, then serves until it is told to stop."""

    help = "Serve pages, API and sockets (PostgreSQL and Redis)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Host and port; the environment gives the defaults."""
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse to start with unsafe settings, then serve."""
        self.check(databases=["default"])
        self.check_migrations()
        connection.close()
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        server = make_server(
            Application(),
            host=options["host"],
            port=options["port"],
            before_stop=Application.end_waits,
        )
        garbage.search_seldom()
        # uvicorn has stopped everything and then raises the signal again.
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
