"""`manage.py run_embedded`: the whole product in one process; `make run` ends here."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from accounts.services import bootstrap
from devices.services import sessions
from homepot.embedded.demo import Demo
from homepot.embedded.fleets import Fleets
from homepot.embedded.single import AlreadyRunning, DataFolderLock, PortTaken, require_free_port
from homepot.embedded.ticking import TickerThread
from homepot.serving.application import Application
from homepot.serving.server import make_server
from kernel import errors, garbage, local_devices


class Command(BaseCommand):
    """Prepares the data folder, then serves until it is told to stop."""

    help = "Run the whole product in one process on SQLite."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Host and port; the environment gives the defaults."""
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, make the first administrator, serve, and stop everything at the end."""
        if settings.HOMEPOT_MODE != "embedded":
            raise CommandError("run_embedded is for HOMEPOT_MODE=embedded; use serve and ticker.")
        host, port = options["host"], options["port"]
        try:
            lock = DataFolderLock(settings.DATA_DIR)
            require_free_port(host, port)
        except (AlreadyRunning, PortTaken) as error:
            raise CommandError(str(error)) from None
        try:
            self._prepare()
            self._serve(host, port)
        finally:
            lock.release()

    def _prepare(self) -> None:
        settings.STATIC_ROOT.mkdir(exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        try:
            self._password = bootstrap.ensure_first_admin(
                email=settings.ADMIN_EMAIL,
                password=settings.ADMIN_PASSWORD or None,
                now=timezone.now(),
            )
        except errors.ValidationFailed as error:
            problems = " ".join(f"{field}: {' '.join(why)}" for field, why in error.details.items())
            raise CommandError(f"HOMEPOT_ADMIN_*: {problems}") from None
        # This process is the only one and holds no socket yet: what looks live is not.
        sessions.close_orphans(now=timezone.now())
        connection.close()

    def _serve(self, host: str, port: int) -> None:
        # uvicorn raises the signal again after it has stopped; so the finally below still runs.
        signal.signal(signal.SIGTERM, _leave)
        shown_host = f"[{host}]" if ":" in host else host
        base_url = f"http://{shown_host}:{port}"
        ticking = TickerThread()
        demo = Demo(base_url=base_url, folder=settings.DATA_DIR) if settings.DEMO else None
        fleets = Fleets(base_url=base_url, folder=settings.DATA_DIR / "fleets")
        local_devices.offer(fleets)
        server = make_server(
            Application(is_reading_mqtt=bool(settings.MQTT_URL)),
            host=host,
            port=port,
            before_stop=Application.end_waits,
        )
        self._greet(base_url)
        ticking.start()
        if demo is not None:
            demo.start()
        fleets.open()
        garbage.search_seldom()
        try:
            server.run()
        except KeyboardInterrupt:
            self.stdout.write("Stopping.")
        finally:
            if demo is not None:
                demo.stop()
            fleets.close()
            ticking.stop()

    def _greet(self, base_url: str) -> None:
        self.stdout.write("")
        self.stdout.write(f"  Homepot runs at {base_url}")
        self.stdout.write(f"  Sign in as      {settings.ADMIN_EMAIL}")
        if self._password is not None:
            self.stdout.write(f"  Password        {self._password}   (shown this once)")
        self.stdout.write("  Stop with Ctrl-C; all data stays in " + str(settings.DATA_DIR))
        self.stdout.write("")
        self.stdout.flush()


def _leave(number: int, frame: object) -> None:
    sys.exit(0)
