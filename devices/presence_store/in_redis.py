"""The presence store that all processes of an installation share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeVar

import redis

from devices.presence_store import resp
from devices.presence_store.interface import StoreAway
from kernel.metrics import PRESENCE_STORE_FAILURES

logger = logging.getLogger(__name__)

# One sorted set for the whole installation: member is the device's key, score when it was heard.
HEARD: Final = b"device:heard"
# The first version's keys, which live for a day, for whoever reads them from outside. As scripts:
# a thousand devices are one command with one answer. Who is heard stays what it was; a batch of
# signs may come after the end of a session that it still tells of.
_SEEN: Final = b"""
for i = 2, #ARGV do
    redis.call('SET', 'device:lastseen:' .. ARGV[i], ARGV[1], 'EX', 86400)
    redis.call('EXPIRE', 'device:status:' .. ARGV[i], 86400)
end
"""
_STANDS: Final = b"""
for i = 2, #ARGV do
    redis.call('SET', 'device:status:' .. ARGV[i], ARGV[1], 'EX', 86400)
end
"""
# Members of one command: Redis serves nobody else while it runs.
_TOGETHER: Final = 1_000
# Commands whose answers wait in Redis at once.
_PIPELINED: Final = 2_000
_TIMEOUT_SECONDS: Final = 0.5
# For so long nobody tries again after a failure.
_PAUSE_SECONDS: Final = 2.0
_T = TypeVar("_T")


class RedisStore:
    """A sorted set in Redis; what others read beside it is written where `shows_keys` says so."""

    def __init__(self, url: str, *, shows_keys: bool) -> None:
        self._shows_keys = shows_keys
        self._pool: Any = redis.ConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )
        self._away_since: float | None = None
        self._try_again_at = 0.0

    def write(self, device_ids: Collection[int], at: float) -> None:
        """Note that these were heard at a time."""
        self._ask([resp.zadd_newest(HEARD, some, at) for some in _pieces(device_ids)])

    def last_heard(self, device_ids: Collection[int]) -> dict[int, float]:
        """When each of these was last heard."""
        answers = self._ask([resp.zmscore(HEARD, some) for some in _pieces(device_ids)])
        scores = (score for answer in answers for score in answer)
        return {
            one: float(score)
            for one, score in zip(device_ids, scores, strict=True)
            if score is not None
        }

    def forget_before(self, at: float) -> int:
        """Forget whoever was not heard since."""
        (count,) = self._ask([resp.packed(b"ZREMRANGEBYSCORE", HEARD, b"-inf", b"(%.3f" % at)])
        return int(count)

    def show(self, *, seen: Collection[str], at: float, online: Mapping[str, bool]) -> None:
        """Write the keys of the first version."""
        if not self._shows_keys:
            return
        there = [uid for uid, is_online in online.items() if is_online]
        gone = [uid for uid, is_online in online.items() if not is_online]
        told = ((_SEEN, _iso(at), seen), (_STANDS, "online", there), (_STANDS, "offline", gone))
        self._ask(
            [
                resp.packed(b"EVAL", script, b"0", value.encode(), *map(str.encode, some))
                for script, value, uids in told
                for some in _pieces(uids)
            ]
        )

    def away_s(self) -> float:
        """For how long it could not be asked."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def _ask(self, commands: Sequence[bytes]) -> list[Any]:
        if time.monotonic() < self._try_again_at:
            raise StoreAway
        return self._watched(lambda: self._pipelined(commands))

    def _pipelined(self, commands: Sequence[bytes]) -> list[Any]:
        connection = self._pool.get_connection()
        try:
            answers = []
            for start in range(0, len(commands), _PIPELINED):
                some = commands[start : start + _PIPELINED]
                connection.send_packed_command([b"".join(some)])
                answers += [connection.read_response() for _ in some]
        except BaseException:
            # Answers that nobody has read would be taken for those of the next question.
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)
        return answers

    def _watched(self, work: Callable[[], _T]) -> _T:
        try:
            done = work()
        except (redis.RedisError, OSError) as error:
            now = time.monotonic()
            PRESENCE_STORE_FAILURES.inc()
            if self._away_since is None:
                self._away_since = now
                logger.warning("The presence store is away: %s", type(error).__name__)
            self._try_again_at = now + _PAUSE_SECONDS
            raise StoreAway from error
        if self._away_since is not None:
            self._away_since = None
            logger.warning("The presence store is back")
        return done


def _pieces(whole: Iterable[_T]) -> Iterator[Sequence[_T]]:
    left = iter(whole)
    while some := tuple(islice(left, _TOGETHER)):
        yield some


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
