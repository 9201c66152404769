"""`manage.py mqtt_accounts`: the broker's accounts, made from the rows or compared with them."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devicelink.mqtt import accounts, broker, dynsec
from devices.selectors import broker_accounts as selectors
from edge.mqtt.client import parse_address
from kernel import row_security
from kernel.broker_accounts import digest_password


class Command(BaseCommand):
    """Writes the file the broker starts with, or says how a running broker differs."""

    help = "Make the MQTT broker's accounts from the database, or compare the two."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """One of the two deeds."""
        deeds = parser.add_mutually_exclusive_group(required=True)
        deeds.add_argument(
            "--write",
            metavar="FILE",
            type=Path,
            help="Write dynamic-security.json; the broker reads it when it starts.",
        )
        deeds.add_argument(
            "--check",
            action="store_true",
            help="List what a running broker has differently; fails when it is anything.",
        )

    def handle(self, *args: Any, write: Path | None, **options: Any) -> None:
        """Do it. Raises CommandError."""
        if not accounts.is_configured():
            raise CommandError("Set MQTT_URL and MQTT_CONTROL_URL.")
        # The broker has accounts of devices of all tenants.
        with row_security.platform_scope("devicelink.broker_accounts"):
            if write is None:
                self._check()
            else:
                _write(write, dynsec.document(_accounts()))

    def _check(self) -> None:
        try:
            different = accounts.compare()
        except broker.BrokerUnreachable as error:
            raise CommandError(f"The broker cannot be asked: {error}.") from None
        lines = [f"{c['command']} {c.get('username') or c.get('rolename', '')}".strip()
                 for c in different.commands]  # fmt: skip
        lines += [f"lost {name}" for name in different.missing]
        self.stdout.writelines(f"{line}\n" for line in lines)
        if lines:
            raise CommandError(f"{len(lines)} differences.")


def _accounts() -> Iterator[dynsec.Account]:
    for url, role in (
        (settings.MQTT_CONTROL_URL, dynsec.ADMIN_ROLE),
        (settings.MQTT_URL, dynsec.INGEST_ROLE),
    ):
        address = parse_address(url)
        if not address.username or not address.password:
            raise CommandError("MQTT_URL and MQTT_CONTROL_URL need a user name and a password.")
        digest = digest_password(address.password)
        yield dynsec.Account(username=address.username, digest=digest, roles=(role,))
    for account in selectors.confirmed_broker_accounts():
        yield dynsec.device_account(uid=account.client_id, digest=account.digest)


def _write(path: Path, content: str) -> None:
    """Put the file in place whole, readable for its owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    Path(name).replace(path)
