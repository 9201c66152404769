"""Presence: signs of life written and read, beside bare Redis; and what a device weighs.

    python -m benchmarks.presence_store [--devices N] [--rounds R]

Writing, in batches of 10,000 devices: the floors are a pipeline of redis-py (ZADD of 1,000 members
each), one of SET with a life per device, and a ZADD that was packed by hand on a bare socket, its
packing counted. The product's store is measured alone and as part of a whole flush, with the rows of
PostgreSQL fresh (nearly always) and with every row due. Reading: ZMSCORE of 1,000 by redis-py, the
store, and the selector behind `POST /devices/status`, whose floor is its SQL on the same connection.
Memory: what Redis itself says it uses, before and after, and this process by tracemalloc.
They take turns; the middle of the rounds counts.
"""

from __future__ import annotations

import argparse
import socket
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import redis

from benchmarks.installation import installed
from benchmarks.mass_offline import fill, set_up
from benchmarks.report import heading, in_ms, median, percentile, say, table

BATCH = 10_000
READ = 1_000
_FLEETS = (1_000, 10_000, 100_000)
_TOGETHER = 1_000
_DAY = 86_400
_KEY = "bare"
_AIM_WRITE = 0.3
_AIM_BYTES = 200


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _Bare:
    """Redis without the product."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, protocol=2)
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port))

    def zadd_by_library(self, keys: Sequence[int], at: float) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for start in range(0, len(keys), _TOGETHER):
            scores: Any = dict.fromkeys(keys[start : start + _TOGETHER], at)
            pipeline.zadd(_KEY, scores, gt=True)
        pipeline.execute()

    def set_by_library(self, keys: Sequence[int], at: float) -> None:
        for start in range(0, len(keys), _TOGETHER):
            pipeline = self.client.pipeline(transaction=False)
            for key in keys[start : start + _TOGETHER]:
                pipeline.set(f"bare:{key}", at, ex=_DAY)
            pipeline.execute()

    def zadd_by_hand(self, keys: Sequence[int], at: float) -> None:
        score = b"$14\r\n%.3f\r\n" % at
        commands = []
        for start in range(0, len(keys), _TOGETHER):
            some = keys[start : start + _TOGETHER]
            texts = [b"%d" % key for key in some]
            members = score.join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])
            head = b"*%d\r\n$4\r\nZADD\r\n$4\r\nbare\r\n$2\r\nGT\r\n" % (3 + 2 * len(some))
            commands.append(head + score + members)
        self._socket.sendall(b"".join(commands))
        left = len(commands)
        while left:
            left -= self._socket.recv(65_536).count(b"\r\n")

    def zmscore_by_library(self, keys: Sequence[int]) -> list[Any]:
        found: list[Any] = self.client.zmscore(_KEY, keys)  # type: ignore[arg-type,assignment]
        return found

    def used_memory(self) -> int:
        return int(self.client.info("memory")["used_memory"])  # type: ignore[index]


def _write(bare: _Bare, keys: Sequence[int], rounds: int) -> None:
    from django.conf import settings  # noqa: PLC0415  after Django is set up

    from devices.presence_store.in_redis import RedisStore  # noqa: PLC0415
    from devices.presence_store.memory import MemoryStore  # noqa: PLC0415

    store = RedisStore(settings.REDIS_URL, shows_keys=True)
    memory = MemoryStore()
    uids = [f"board-{key}" for key in keys]
    ways: dict[str, Callable[[float], Any]] = {
        "floor: SET with a life, redis-py pipeline": lambda at: bare.set_by_library(keys, at),
        "floor: ZADD, redis-py pipeline": lambda at: bare.zadd_by_library(keys, at),
        "floor: ZADD packed by hand": lambda at: bare.zadd_by_hand(keys, at),
        "store in Redis": lambda at: store.write(keys, at),
        "store in memory": lambda at: memory.write(keys, at),
        "keys of the first version besides": lambda at: store.show(
            seen=uids, at=at, online=dict.fromkeys(uids, True)
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        at = time.time()
        for name, way in ways.items():
            seconds = _seconds(lambda way=way, at=at: way(at))  # type: ignore[misc]
            if turn:
                taken[name].append(seconds)
    floor = median(taken["floor: ZADD packed by hand"])
    say(f"\nWriting {len(keys)} signs of life")
    rows = [("", "signs/s", "of the hand-packed ZADD")]
    for name, times in taken.items():
        rows.append((name, f"{len(keys) / median(times):,.0f}", f"{floor / median(times):.2f}"))
    table(rows)
    is_met = floor / median(taken["store in Redis"]) >= _AIM_WRITE
    say(f"  aim >= {_AIM_WRITE}: {'met' if is_met else 'NOT met'}")


def _flush(keys: Sequence[int], rounds: int) -> None:
    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from devices import presence_store  # noqa: PLC0415
    from devices.services import signs_of_life  # noqa: PLC0415

    signs = signs_of_life.SignsOfLife(presence_store.current())

    def flush(now: datetime) -> None:
        for key in keys:
            signs.note(key)
        signs.flush(now)

    fresh, due = [], []
    now = timezone.now()
    flush(now)
    for _ in range(rounds):
        now += timedelta(seconds=2)
        fresh.append(_seconds(lambda now=now: flush(now)))  # type: ignore[misc]
        now += timedelta(seconds=30)
        due.append(_seconds(lambda now=now: flush(now)))  # type: ignore[misc]
    say(f"\nA whole flush of {len(keys)} devices: collected, store, keys, rows")
    table(
        [
            ("", "signs/s", "milliseconds"),
            ("rows fresh", f"{len(keys) / median(fresh):,.0f}", in_ms(median(fresh))),
            ("every row due", f"{len(keys) / median(due):,.0f}", in_ms(median(due))),
        ]
    )


def _read(bare: _Bare, keys: Sequence[int], rounds: int) -> None:
    from django.db import connection  # noqa: PLC0415  after Django is set up
    from django.utils import timezone  # noqa: PLC0415

    from accounts import selectors as accounts_selectors  # noqa: PLC0415
    from devices import presence_store, selectors  # noqa: PLC0415

    administrator = accounts_selectors.first_administrator()
    assert administrator is not None
    actor = accounts_selectors.actor_for_user(user_id=administrator.pk)
    store, some = presence_store.current(), keys[:READ]
    uids = list(selectors.uids_of(some).values())
    bare.zadd_by_library(keys, time.time())

    def by_sql() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT d.id, d.uid, p.is_online, p.last_seen_at, p.changed_at, p.offline_after_s, "
                "p.is_flapping FROM devices_device d JOIN devices_devicepresence p "
                "ON p.device_id = d.id WHERE d.uid = ANY(%s) ORDER BY d.uid",
                [uids],
            )
            assert len(cursor.fetchall()) == READ

    def by_selector() -> None:
        assert len(selectors.statuses(actor=actor, uids=uids, now=timezone.now())) == READ

    ways: dict[str, Callable[[], Any]] = {
        "floor: ZMSCORE by redis-py": lambda: bare.zmscore_by_library(some),
        "store in Redis": lambda: store.last_heard(some),
        "one device, store in Redis": lambda: store.last_heard(some[:1]),
        "floor: rows by SQL": by_sql,
        "batch status read": by_selector,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(10 * rounds + 1):
        for name, way in ways.items():
            seconds = _seconds(way)
            if turn:
                taken[name].append(seconds)
    say(f"\nReading {READ} devices")
    table(
        [
            ("", "p50", "p99"),
            *(
                (name, in_ms(percentile(times, 50)), in_ms(percentile(times, 99)))
                for name, times in taken.items()
            ),
        ]
    )


def _memory(bare: _Bare) -> None:
    from django.conf import settings  # noqa: PLC0415  after Django is set up

    from devices.presence_store.in_redis import RedisStore  # noqa: PLC0415
    from devices.presence_store.memory import MemoryStore  # noqa: PLC0415

    store = RedisStore(settings.REDIS_URL, shows_keys=True)
    rows = [("devices", "sorted set", "with the keys", "store in memory")]
    for count in _FLEETS:
        keys = range(1_000_000, 1_000_000 + count)
        uids = [f"{key:012d}" for key in keys]
        bare.client.flushall()
        empty = bare.used_memory()
        store.write(keys, time.time())
        alone = (bare.used_memory() - empty) / count
        store.show(seen=uids, at=time.time(), online=dict.fromkeys(uids, True))
        both = (bare.used_memory() - empty) / count
        tracemalloc.start()
        memory = MemoryStore()
        memory.write(list(keys), time.time())
        own = tracemalloc.get_traced_memory()[0] / count
        tracemalloc.stop()
        rows.append((f"{count:,}", f"{alone:.0f}", f"{both:.0f}", f"{own:.0f}"))
    say("\nBytes per device")
    table(rows)
    is_met = float(rows[-1][1]) <= _AIM_BYTES
    say(f"  aim <= {_AIM_BYTES} without the keys: {'met' if is_met else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure on PostgreSQL and Redis."""
    parser = argparse.ArgumentParser(prog="presence_store", description=__doc__)
    parser.add_argument("--devices", type=int, default=BATCH)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args(arguments)
    heading("Presence store")
    with installed("production") as installation:
        installation.product.start()
        installation.product.stop()
        set_up(installation)
        from django.conf import settings  # noqa: PLC0415  after Django is set up
        from django.utils import timezone  # noqa: PLC0415

        from devices.models import Device  # noqa: PLC0415
        from kernel import row_security  # noqa: PLC0415

        bare = _Bare(settings.REDIS_URL)
        fill(chosen.devices, timezone.now())
        with row_security.platform_scope("benchmark"):
            devices = Device.all_objects.unscoped("the benchmark's own")
            keys = sorted(devices.values_list("pk", flat=True))
            _write(bare, keys, chosen.rounds)
            _flush(keys, chosen.rounds)
            _read(bare, keys, chosen.rounds)
        _memory(bare)


if __name__ == "__main__":
    main()
