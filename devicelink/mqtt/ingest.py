"""Everything a process needs to take in what devices publish, and to tell them what waits."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import ssl
from functools import partial

from django.conf import settings
from django.utils import timezone

from devicelink.mqtt import broker_watch, takers
from devicelink.mqtt.broker_watch import BrokerWatch
from devicelink.mqtt.delivering import Deliveries
from devicelink.mqtt.held import Taker
from devicelink.mqtt.link import Link
from devicelink.mqtt.reader import Opener, Reader
from devicelink.mqtt.readings import Queue, Readings
from edge.mqtt.client import parse_address
from kernel.metrics import MQTT_LOST
from kernel.threads import run_in_database_thread
from telemetry.services import ingest_processes

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


class MqttIngest:
    """Serves the broker of MQTT_URL, any number of processes may; lives on one event loop."""

    def __init__(self, queue: Queue) -> None:
        self._name = f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._watch = BrokerWatch()
        self._started_at = timezone.now()
        self._deliveries = Deliveries(open_link=self._opener("down"))
        self._readers = [
            self._reader(taker)
            for taker in (
                Readings(queue),
                takers.sensors(),
                takers.acks(),
                takers.states(),
                takers.happenings(),
                takers.twin_reports(),
            )
        ]
        # Whoever watches the broker has the connection with the least to carry.
        statuses = takers.statuses(self._deliveries.note_greeting)
        self._readers.append(self._reader(statuses, watches=True))
        self._running: dict[Reader | Deliveries, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def _connections(self) -> list[Reader | Deliveries]:
        return [*self._readers, self._deliveries]

    @property
    def is_connected(self) -> bool:
        """Whether messages of every channel come in, and devices can be told theirs."""
        return all(one.is_connected for one in self._connections)

    def start(self) -> None:
        """Begin; a broker that is away is waited for."""
        for one in self._connections:
            self._run(one)
        self._tasks = [
            asyncio.create_task(self._supervise(), name="mqtt-supervisor"),
            asyncio.create_task(self._beat(), name="mqtt-beat"),
        ]

    async def stop(self) -> None:
        """Take nothing more from the broker, commit and acknowledge what came, disconnect.

        To be called before the queue stops.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(reader.stop() for reader in self._readers), return_exceptions=True)
        await asyncio.gather(self._deliveries.stop(), return_exceptions=True)
        for running in self._running.values():
            running.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        try:
            await run_in_database_thread(ingest_processes.forget_process, name=self._name)
        except Exception as error:  # noqa: BLE001  its row is forgotten within the hour
            logger.warning("This process could not sign off: %s", type(error).__name__)

    def _reader(self, taker: Taker, *, watches: bool = False) -> Reader:
        return Reader(
            taker,
            open_link=self._opener(taker.channel.value),
            watched=broker_watch.TOPICS if watches else (),
            on_watched=self._watch.note,
        )

    def _opener(self, name: str) -> Opener:
        return partial(
            Link.open,
            address=parse_address(settings.MQTT_URL),
            # An offline session would go on eating its share: there is one per connection.
            client_id=f"homepot-ingest-{self._name}-{name}",
            tls=_tls(),
        )

    def _run(self, one: Reader | Deliveries) -> None:
        self._running[one] = asyncio.create_task(one.run(), name="mqtt-connection")

    async def _supervise(self) -> None:
        """Replace what has died or makes no progress."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for one, running in list(self._running.items()):
                if running.done():
                    fault = None if running.cancelled() else running.exception()
                    logger.error("What serves a connection to the broker has died", exc_info=fault)
                    MQTT_LOST.inc()
                    self._run(one)
                elif one.is_stuck:
                    logger.error("A connection to the broker makes no progress")
                    one.replace("it makes no progress")

    async def _beat(self) -> None:
        """Tell that this process is there, and what it knows of the broker."""
        while True:
            try:
                await run_in_database_thread(
                    ingest_processes.note_process,
                    name=self._name,
                    started_at=self._started_at,
                    is_connected=self.is_connected,
                    dropped=self._watch.dropped,
                    dropped_at=self._watch.dropped_at,
                    now=timezone.now(),
                )
            except Exception as error:  # noqa: BLE001  health will tell that nothing was told
                logger.warning("The beat could not be noted: %s", type(error).__name__)
            await asyncio.sleep(
                ingest_processes.BEAT_SECONDS if self.is_connected else _LOOK_EVERY_S
            )


def _tls() -> ssl.SSLContext | None:
    if not parse_address(settings.MQTT_URL).is_tls:
        return None
    return ssl.create_default_context(cafile=settings.MQTT_CA_FILE or None)
