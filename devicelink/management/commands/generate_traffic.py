"""`manage.py generate_traffic`: people who use this installation, so that it can be shown alive."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from devicelink.management.commands.simulate import Claimer
from devicelink.traffic.activity import Tally, act_all
from devicelink.traffic.people import Cast, assemble
from edge.simulator.fleet import Announcement, Fleet
from edge.simulator.options import FleetOptions
from edge.simulator.profiles import POS, RELAY, SENSOR, SERVER
from kernel import errors, row_security

_RECONNECT_MAX_S = 3.0


class Command(BaseCommand):
    """Acts as people of its own do, on simulated devices of its own, and errs as they do."""

    help = "Generate user activity and errors against this installation, for demos and load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, for how long, and against what."""
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}")
        parser.add_argument("--users", type=int, default=4, help="people (4)")
        parser.add_argument("--devices", type=int, default=4, help="simulated devices (4)")
        parser.add_argument("--rate", type=float, default=2.0, help="actions a second (2)")
        parser.add_argument("--errors", type=float, default=0.1, help="share of mistakes (0.1)")
        parser.add_argument("--duration", type=float, default=60.0, help="seconds (60)")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--yes", action="store_true", help="needed in production and without HOMEPOT_DEMO"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        """Make the people, run devices and people side by side, say what was answered."""
        _require_right(given)
        try:
            with row_security.platform_scope("command.generate_traffic"):
                cast = assemble(size=given["users"], now=timezone.now())
        except errors.HomepotError as error:
            raise CommandError(error.message) from None
        tally = Tally()
        asyncio.run(self._run(cast, tally, given))
        for line in tally.lines():
            self.stdout.write(line)
        if not any(status for _, status in tally.answers):
            raise CommandError(f"Nothing answered at {given['url']}.", returncode=1)

    async def _run(self, cast: Cast, tally: Tally, given: dict[str, Any]) -> None:
        claimer = Claimer(cast.people[0].user_id, self.stdout.write, tenant_id=cast.tenant_id)

        def announce(announced: Announcement) -> None:
            claimer.add(announced)

        traffic = asyncio.ensure_future(
            act_all(
                cast=cast,
                url=given["url"],
                seed=given["seed"],
                rate=given["rate"],
                errors=given["errors"],
                tally=tally,
            )
        )
        fleet = asyncio.ensure_future(Fleet(_fleet(given), announce=announce).run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, traffic.cancel)
        try:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(given["duration"]):
                    await traffic
        finally:
            fleet.cancel()
            await asyncio.gather(fleet, return_exceptions=True)
            await asyncio.to_thread(claimer.stop)


def _fleet(given: dict[str, Any]) -> FleetOptions:
    return FleetOptions(
        url=given["url"],
        provision_key=settings.DEVICE_PROVISION_KEY,
        devices=given["devices"],
        seed=given["seed"],
        profiles=(RELAY, POS, SENSOR, SERVER),
        name_prefix="Demo device (simulated)",
        # Of its own: `simulate` may run beside it.
        state_dir=settings.DATA_DIR / "traffic",
        hardware_prefix="traffic",
        # They are few and wanted at once: nothing has to be spread over minutes.
        reconnect_max_s=_RECONNECT_MAX_S,
    )


def _require_right(given: dict[str, Any]) -> None:
    # HOMEPOT_DEMO is on unless it is turned off: in production that is nobody's wish.
    is_demo = settings.DEMO and settings.HOMEPOT_MODE == "embedded"
    if not is_demo and not given["yes"]:
        raise CommandError(
            "This adds demo people and devices. Say --yes, or set HOMEPOT_DEMO=1.", returncode=2
        )
    is_right = (
        1 <= given["users"] <= 200
        and 1 <= given["devices"] <= 200
        and 0 < given["rate"] <= 1_000
        and 0 <= given["errors"] <= 1
        and given["duration"] > 0
    )
    if not is_right:
        raise CommandError(
            "--users and --devices: 1 to 200, --rate: up to 1000, --errors: 0 to 1.", returncode=2
        )
