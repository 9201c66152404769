"""How long to wait before connecting again, so that a fleet does not return as one wave."""

from typing import Protocol

from edge.protocol.limits import (
    RECONNECT_MAX_SECONDS,
    RECONNECT_MIN_SECONDS,
    STABLE_AFTER_SECONDS,
)

_MAX_DOUBLINGS = 16


class Source(Protocol):
    """Where the jitter comes from: any generator of random numbers."""

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between both."""
        ...


class Backoff:
    """Full jitter between a fixed minimum and a ceiling that doubles with each failure."""

    def __init__(
        self,
        *,
        source: Source,
        minimum_s: float = RECONNECT_MIN_SECONDS,
        maximum_s: float = RECONNECT_MAX_SECONDS,
    ) -> None:
        self._source = source
        self._minimum_s = minimum_s
        self._maximum_s = maximum_s
        self._failures = 0

    def connection_lasted(self, seconds: float) -> None:
        """Forget earlier failures once a connection has proved stable."""
        if seconds >= STABLE_AFTER_SECONDS:
            self._failures = 0

    def next_delay(self, *, retry_after: float | None = None) -> float:
        """Return the seconds to wait; never less than the server asked for."""
        self._failures = min(self._failures + 1, _MAX_DOUBLINGS)
        ceiling = min(self._maximum_s, self._minimum_s * 2**self._failures)
        delay = self._source.uniform(self._minimum_s, ceiling)
        return delay if retry_after is None else retry_after + delay
