"""Twin updates with all their guarantees, beside the bare `UPDATE … WHERE version`; and deltas.

    python -m benchmarks.twin [--backend embedded|production] [--count N] [--revisions N]

One thread, in turns. The product: a person's patch with If-Match (device lock, version, stamps,
history, drift, audit entry, live event) and a device's report (the same without the audit entry).
The floor: one UPDATE of the same document where its version is the one that was read, in a
transaction of its own, on a bare connection. For a document of 20 members and for one of nearly
64 KiB, with the history as it is and with ten times the revisions. Then the delta of two documents
of nearly 64 KiB, and how long an old version takes to be rebuilt.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import psycopg

from benchmarks.filled_installation import administrator, fill_site, set_up_django
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, in_ms, median, percentile, say, table
from tests.services import ROOT

DEVICES: Final = 50
ROUNDS: Final = 5
SIZES: Final = {"20 members": 20, "64 KiB": 1_900}
Call = Callable[[int], None]


def document(members: int) -> dict[str, Any]:
    """Members in groups of ten, some 30 bytes each."""
    return {
        f"group{first}": {f"setting_{n:04}": "value" * 3 for n in range(first, first + 10)}
        for first in range(0, members, 10)
    }


class Product:
    """The product's own services, called in this process."""

    def __init__(self, actor: Any, devices: Sequence[tuple[int, str]], members: int) -> None:
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        from twins.services import desiring  # noqa: PLC0415

        self._actor, self._devices, self._now = actor, devices, timezone.now
        self._tags: dict[int, str] = {}
        for device_id, uid in devices:
            self.report_whole(device_id, document(members))
            view = desiring.replace_desired(
                device_uid=uid, document=document(members), if_match="*", actor=actor,
                now=timezone.now(),
            )  # fmt: skip
            self._tags[device_id] = view.etag

    def report_whole(self, device_id: int, reported: dict[str, Any]) -> None:
        """The device's whole state."""
        from edge.protocol.messages import TwinReported  # noqa: PLC0415
        from twins.services import reporting  # noqa: PLC0415

        reporting.record_report(
            device_id=device_id, epoch=None, report=TwinReported(document=reported),
            now=self._now(),
        )  # fmt: skip

    def patch(self, number: int) -> None:
        """A person changes one member."""
        from twins.services import desiring  # noqa: PLC0415

        device_id, uid = self._devices[number % len(self._devices)]
        view = desiring.patch_desired(
            device_uid=uid, patch={"group0": {"setting_0000": number}},
            if_match=self._tags[device_id], actor=self._actor, now=self._now(),
        )  # fmt: skip
        self._tags[device_id] = view.etag

    def report(self, number: int) -> None:
        """A device reports one member."""
        from edge.protocol.messages import TwinReported  # noqa: PLC0415
        from twins.services import reporting  # noqa: PLC0415

        device_id, _ = self._devices[number % len(self._devices)]
        patch = {"group0": {"setting_0000": number}}
        reporting.record_report(
            device_id=device_id, epoch=None, report=TwinReported(patch=patch), now=self._now()
        )


class Floor:
    """The same document by hand."""

    def __init__(
        self,
        execute: Callable[[str, Sequence[Any]], Any],
        transaction: Callable[[], AbstractContextManager[Any]],
        place: str,
        devices: Sequence[int],
    ) -> None:
        self._execute, self._transaction, self._devices = execute, transaction, devices
        self._statement = (
            f"UPDATE floor SET document = {place}, version = version + 1 "
            f"WHERE device_id = {place} AND version = {place}"
        )
        self._versions = dict.fromkeys(devices, 0)
        self._document: dict[str, Any] = {}

    def begin(self, members: int) -> None:
        """One row for each device."""
        self._document = document(members)
        self._versions = dict.fromkeys(self._devices, 0)
        kind = "jsonb" if "%s" in self._statement else "text"
        place = "%s" if kind == "jsonb" else "?"
        self._execute("DROP TABLE IF EXISTS floor", ())
        self._execute(
            f"CREATE TABLE floor (device_id bigint PRIMARY KEY, version bigint, document {kind})",
            (),
        )
        for device_id in self._devices:
            self._execute(
                f"INSERT INTO floor VALUES ({place}, 0, {place})",
                (device_id, json.dumps(self._document)),
            )

    def update(self, number: int) -> None:
        """One UPDATE by compare-and-set, as the smallest thing that keeps versions apart."""
        device_id = self._devices[number % len(self._devices)]
        self._document["group0"]["setting_0000"] = number
        with self._transaction():
            done = self._execute(
                self._statement,
                (json.dumps(self._document), device_id, self._versions[device_id]),
            )
        if done.rowcount != 1:
            raise RuntimeError("The version was another one.")
        self._versions[device_id] += 1


@contextlib.contextmanager
def floor_of(installation: Installation, devices: Sequence[int]) -> Iterator[Floor]:
    """On a connection of its own, past the product."""
    if installation.postgres is not None:
        with psycopg.connect(
            installation.postgres.url("postgres"), autocommit=True, prepare_threshold=0
        ) as connection:
            yield Floor(connection.execute, connection.transaction, "%s", devices)  # type: ignore[arg-type]
        return
    with contextlib.closing(
        sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
    ) as database:

        @contextlib.contextmanager
        def transaction() -> Iterator[None]:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("COMMIT")

        # As the product has it (homepot/settings/databases.py): every COMMIT is on disk.
        database.execute("PRAGMA synchronous = FULL")
        yield Floor(database.execute, transaction, "?", devices)


def measure(backend: str, count: int, revisions: int) -> None:
    """Measure one backend and print its figures; once in a process."""
    with installed(backend) as installation:
        installation.product.start()
        installation.product.stop()
        set_up_django(installation)
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        from devices import selectors as devices  # noqa: PLC0415
        from kernel import row_security  # noqa: PLC0415

        actor = administrator()
        (tenant_id,) = actor.roles
        device_ids = fill_site(DEVICES, tenant_id, timezone.now())
        say(f"\n{installation.title}: {count} updates of {DEVICES} twins, one at a time")
        with (
            row_security.platform_scope("benchmark"),
            floor_of(installation, device_ids) as floor,
        ):
            pairs = list(devices.uids_of(device_ids).items())
            found: list[tuple[str, ...]] = [
                ("document", "revisions", "", "p50", "p99", "updates/s", "of the floor")
            ]
            for name, members in SIZES.items():
                product = Product(actor, pairs, members)
                some = count if members < 100 else count // 5
                floor.begin(members)
                found += _compared(name, product, floor, some)
                if members < 100:
                    _add_revisions(revisions, device_ids, tenant_id)
                    found += _compared(name, product, floor, some)
            table(found)
            _deltas(actor, pairs[0])


def _add_revisions(count: int, device_ids: Sequence[int], tenant_id: int) -> None:
    """Versions of the past, below those that are there."""
    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from twins.models import Twin, TwinRevision  # noqa: PLC0415

    each = count // len(device_ids)
    now = timezone.now()
    for device_id in device_ids:
        twins = Twin.objects.unscoped("benchmark").filter(device_id=device_id)
        twin = twins.get()
        first = twin.reported_version + 1
        TwinRevision.objects.bulk_create(
            [
                TwinRevision(
                    device_id=device_id, tenant_id=tenant_id, section="reported", version=version,
                    at=now, by="benchmark", origin="patch",
                    changes=[{"path": "/group0/setting_0000", "old": 1, "new": 2}],
                    document=None if version % 32 else twin.reported,
                )
                for version in range(first, first + each)
            ],
            batch_size=1_000,
        )  # fmt: skip
        twins.update(reported_version=first + each - 1)


def _compared(name: str, product: Product, floor: Floor, count: int) -> list[tuple[str, ...]]:
    from twins.models import TwinRevision  # noqa: PLC0415  after Django is set up

    calls: dict[str, Call] = {
        "floor": floor.update, "person's patch": product.patch, "device's report": product.report,
    }  # fmt: skip
    took: dict[str, list[float]] = {label: [] for label in calls}
    turn = 0
    for number in range(ROUNDS + 1):
        for label, call in calls.items():
            for _ in range(count // ROUNDS):
                turn += 1
                began = time.perf_counter()
                call(turn)
                if number:  # the first round warms up
                    took[label].append(time.perf_counter() - began)
    kept = TwinRevision.objects.unscoped("benchmark").count()
    bare = len(took["floor"]) / sum(took["floor"])
    return [
        (
            name, f"{kept:,}", label, in_ms(median(values)), in_ms(percentile(values, 99)),
            f"{len(values) / sum(values):.0f}", f"{100 * len(values) / sum(values) / bare:.0f} %",
        )
        for label, values in took.items()
    ]  # fmt: skip


def _deltas(actor: Any, device: tuple[int, str]) -> None:
    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from twins import delta, selectors  # noqa: PLC0415

    one, other = document(SIZES["64 KiB"]), document(SIZES["64 KiB"])
    size = len(json.dumps(one, separators=(",", ":")))
    other["group0"]["setting_0000"] = 1
    calls: dict[str, Callable[[], Any]] = {
        f"delta of two documents of {size:,} bytes": lambda: list(delta.compare(one, other, {})),
        "whether they are in sync": lambda: delta.is_in_sync(one, one, {}),
        "the same for a device, with times": lambda: selectors.delta_of(
            actor=actor, device_uid=device[1], now=timezone.now()
        ),
        "its document five versions ago": lambda: selectors.twin_at(
            actor=actor,
            device_uid=device[1],
            at=selectors.twin_of(actor=actor, device_uid=device[1]).desired_version - 5,
        ),
    }
    rows: list[tuple[str, ...]] = [("", "p50", "p99")]
    for name, call in calls.items():
        took = []
        for _ in range(100):
            began = time.perf_counter()
            call()
            took.append(time.perf_counter() - began)
        rows.append((name, in_ms(median(took)), in_ms(percentile(took, 99))))
    table(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="twin", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--count", type=int, default=2_000, help="updates of each kind")
    parser.add_argument("--revisions", type=int, default=100_000, help="that are added for growth")
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Twin")
        measure(chosen.backend, chosen.count, chosen.revisions)
        return
    for backend in BACKENDS:
        options = ["--count", str(chosen.count), "--revisions", str(chosen.revisions)]
        command = [sys.executable, "-m", "benchmarks.twin", "--backend", backend, *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
