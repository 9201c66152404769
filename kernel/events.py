"""Typed domain events: facts in the past tense, delivered to subscribers after COMMIT.

An event is a hint for those who react (sockets, bridges, metrics). Whatever must not be lost is
a row that was written in the same transaction; a subscriber only wakes the reader of that row.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.db import transaction

from kernel.unit_of_work import require_unit_of_work

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something that happened; subclasses add ids and plain values, never model instances."""

    name: ClassVar[str]
    occurred_at: datetime


E = TypeVar("E", bound=DomainEvent)
_subscribers: dict[type[DomainEvent], list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(event_class: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Call the decorated function with every committed event of that class."""

    def register(function: Callable[[E], None]) -> Callable[[E], None]:
        if function not in _subscribers[event_class]:
            _subscribers[event_class].append(function)
        return function

    return register


def publish(event: DomainEvent) -> None:
    """Deliver the event once the present unit of work has committed; never on a rollback."""
    require_unit_of_work()
    transaction.on_commit(partial(_deliver, event))


def publish_all(events: Sequence[DomainEvent]) -> None:
    """Deliver many events in their order as `publish` would, with one callback for all."""
    require_unit_of_work()
    transaction.on_commit(partial(_deliver_all, tuple(events)))


def subscribers_of(event_class: type[DomainEvent]) -> tuple[Callable[[Any], None], ...]:
    """Functions that are called with events of that class."""
    return tuple(_subscribers[event_class])


def _deliver_all(events: Sequence[DomainEvent]) -> None:
    for event in events:
        _deliver(event)


def _deliver(event: DomainEvent) -> None:
    for subscriber in _subscribers[type(event)]:
        try:
            subscriber(event)
        except Exception:
            logger.exception(
                "A subscriber failed",
                extra={"event": event.name, "subscriber": subscriber.__name__},
            )
