"""`manage.py mqtt_ingest`: takes in what devices publish over MQTT; any number may run."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from argparse import ArgumentParser
from typing import Any, Final

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import InterfaceError, OperationalError, connection

from devicelink.ingest.group_commit import GroupCommit
from devicelink.mqtt.ingest import MqttIngest
from devicelink.presence import TOUCH_SECONDS, PresenceWriter
from kernel import garbage, metrics_page, realtime

logger = logging.getLogger(__name__)

_DATABASE_AWAY_S: Final = 1.0
_TRIES: Final = 3


class Command(BaseCommand):
    """Reads from the broker until it is told to stop."""

    help = "Take in readings, sensor reports and statuses from the broker of MQTT_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where this process shows its metrics, if anywhere."""
        parser.add_argument("--metrics-host", default="127.0.0.1")
        parser.add_argument("--metrics-port", type=int, help="/metrics is answered there.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse to start with unsafe settings, then read until SIGTERM or SIGINT."""
        if not settings.MQTT_URL:
            raise CommandError("MQTT_URL names no broker.")
        self._check_installation()
        if options["metrics_port"] is not None:
            self._show_metrics(options["metrics_host"], options["metrics_port"])
        garbage.search_seldom()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_read())

    def _check_installation(self) -> None:
        """A database that is away is waited for, as it is while this runs."""
        tries = 0
        while True:
            try:
                self.check(databases=["default"])
                self.check_migrations()
            except (SystemCheckError, OperationalError, InterfaceError):
                # One that answers now may have been away a moment ago.
                tries += _database_answers()
                if tries == _TRIES:
                    raise
                logger.warning("The database is away: it is waited for")
                time.sleep(_DATABASE_AWAY_S)
            else:
                return
            finally:
                connection.close()

    def _show_metrics(self, host: str, port: int) -> None:
        try:
            metrics_page.serve(host=host, port=port)
        except OSError as fault:
            raise CommandError(f"No metrics at {host}:{port}: {fault}") from None


def _database_answers() -> bool:
    connection.close()
    try:
        connection.ensure_connection()
    except (OperationalError, InterfaceError):
        return False
    return True


async def _read() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await realtime.start()
    queue = GroupCommit()
    ingest = MqttIngest(queue)
    presence = PresenceWriter(every_s=TOUCH_SECONDS)
    writing = asyncio.create_task(presence.run(), name="device-presence")
    ingest.start()
    await told.wait()
    await ingest.stop()
    await queue.stop()
    writing.cancel()
    await presence.flush()
    await realtime.stop()
