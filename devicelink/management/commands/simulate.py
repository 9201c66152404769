"""`manage.py simulate`: a simulated fleet against this installation, over the real wire."""

from __future__ import annotations

import queue
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from accounts import selectors as account_selectors
from accounts.services import tenancy
from devices import selectors as device_selectors
from devices.errors import ClaimCodeInvalid
from devices.services import claiming
from edge.simulator import cli, options
from edge.simulator.errors import SimulatorStopped
from edge.simulator.fleet import Announcement
from kernel import errors, row_security

# Below the five wrong tries after which nobody at this address may claim for a while.
_WRONG_CODES = 3


class Command(BaseCommand):
    """Runs simulated devices until it is stopped; they register as any device does."""

    help = "Run simulated devices against this installation (Ctrl-C stops them)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of the simulator, with this installation as the default."""
        options.add_arguments(parser)
        parser.set_defaults(
            url=f"http://127.0.0.1:{settings.PORT}", state_dir=settings.DATA_DIR / "simulate"
        )
        parser.add_argument("--claim", metavar="EMAIL", help="claim the devices for this user")

    def handle(self, *args: Any, **given: Any) -> None:
        """Run the fleet, and beside it, when asked, claim what registers."""
        key = {"DEVICE_PROVISION_KEY": settings.DEVICE_PROVISION_KEY}
        claimer = Claimer(_user_id(given["claim"]), self._say) if given["claim"] else None

        def announce(announced: Announcement) -> None:
            if announced.is_new and not given["quiet"]:
                self._say(cli.sentence(announced))
            if claimer is not None:
                claimer.add(announced)

        try:
            wanted = options.from_arguments(Namespace(**given), key)
            code = cli.run(wanted, announce=announce, report=self._say)
        except SimulatorStopped as stopped:
            raise CommandError(str(stopped), returncode=stopped.exit_code) from None
        finally:
            if claimer is not None:
                claimer.stop()
        if code:
            raise CommandError("The server refused every device.", returncode=code)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Claimer:
    """Claims announced devices for one user on a thread of its own: claiming is database work."""

    def __init__(
        self, user_id: int, say: Callable[[str], Any], *, tenant_id: int | None = None
    ) -> None:
        self._user_id = user_id
        self._tenant_id = tenant_id
        self._say = say
        self._waiting: queue.SimpleQueue[Announcement | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._wrong_codes = 0
        self._thread = threading.Thread(target=self._work, name="claimer", daemon=True)
        self._thread.start()

    def add(self, announced: Announcement) -> None:
        """Have a device claimed, unless it has no code any more."""
        if announced.identity.claim_code is not None:
            self._waiting.put(announced)

    def finish(self) -> None:
        """Wait until every announced device was tried."""
        self._waiting.put(None)
        self._thread.join()

    def stop(self) -> None:
        """End without waiting for devices that are not claimed yet."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(2)

    def _work(self) -> None:
        try:
            with row_security.platform_scope("command.simulate"):
                self._claim_all()
        except errors.HomepotError as error:
            self._say(f"Claiming ended: {error.message}")
        finally:
            connection.close()

    def _claim_all(self) -> None:
        while (announced := self._waiting.get()) is not None and not self._stopping.is_set():
            while not self._claimed(announced):
                pass

    def _claimed(self, announced: Announcement) -> bool:
        """Claim one device; False when the limiter wants it tried again."""
        actor = account_selectors.actor_for_user(user_id=self._user_id, via="system")
        uid = announced.identity.device_uid
        if device_selectors.devices_visible_to(actor).filter(uid=uid).exists():
            return True
        if self._wrong_codes >= _WRONG_CODES or self._stopping.is_set():
            return True
        try:
            claiming.claim_device(
                code=announced.identity.claim_code or "",
                name=announced.name,
                tenant_id=self._tenant_id or tenancy.personal_tenant_id(self._user_id),
                actor=actor,
                now=timezone.now(),
            )
        except ClaimCodeInvalid:
            self._wrong_codes += 1
            self._say(f"{announced.hardware_id} was claimed by somebody else")
        except errors.RateLimited as limited:
            self._stopping.wait(limited.retry_after or 1)
            return False
        return True


def _user_id(email: str) -> int:
    try:
        return account_selectors.user_by_email(email).pk
    except errors.NotFound as error:
        raise CommandError(error.message) from None
