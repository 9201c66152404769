"""Relay positions and telemetry records inside a frame, the latter judged one by one."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from edge.protocol import fields, limits
from edge.protocol.messages import Reading, RejectedReading, RelayReading

NOT_AN_OBJECT: Final = "not_an_object"
# Not bool, which is an int too; that they are finite the decoder made sure.
_NUMBERS: Final = frozenset({int, float})
SEQ_INVALID: Final = "seq_invalid"
SEQ_WITHOUT_BOOT: Final = "seq_without_boot"
AT_INVALID: Final = "at_invalid"
METRICS_INVALID: Final = "metrics_invalid"
TOO_MANY_METRICS: Final = "too_many_metrics"
METRIC_NAME_INVALID: Final = "metric_name_invalid"
METRIC_VALUE_INVALID: Final = "metric_value_invalid"


def relays(body: fields.Body, name: str) -> tuple[RelayReading, ...]:
    """Read relay positions; the same relay twice is a contradiction and refused."""
    items = body.get(name)
    if not isinstance(items, list) or len(items) > limits.MAX_RELAYS:
        raise fields.invalid(f"/{name}", f"a list of at most {limits.MAX_RELAYS} relays")
    found = tuple(_relay(item, f"/{name}/{index}") for index, item in enumerate(items))
    if len({relay.relay_index for relay in found}) != len(found):
        raise fields.invalid(f"/{name}", "each relay once")
    return found


def optional_relays(body: fields.Body, name: str) -> tuple[RelayReading, ...] | None:
    """Read relay positions, or None."""
    return None if body.get(name) is None else relays(body, name)


def telemetry(
    body: fields.Body, *, is_counted: bool = True
) -> tuple[tuple[Reading, ...], tuple[RejectedReading, ...]]:
    """Read the single or the batched form; a bad record becomes a verdict, never an error.

    Records of a device that does not count (``is_counted`` false) are numbered by their place.
    """
    items = body.get("readings")
    if items is None:
        items = [body]
    if not isinstance(items, list) or not 1 <= len(items) <= limits.MAX_READINGS:
        raise fields.invalid("/readings", f"a list of 1 to {limits.MAX_READINGS} readings")
    accepted: list[Reading] = []
    rejected: list[RejectedReading] = []
    for index, item in enumerate(items):
        reading = _reading(item, None if is_counted else index)
        if isinstance(reading, Reading):
            accepted.append(reading)
        else:
            rejected.append(RejectedReading(index=index, seq=_seq(item), reason=reading))
    return tuple(accepted), tuple(rejected)


def _relay(item: object, at: str) -> RelayReading:
    if not isinstance(item, dict):
        raise fields.invalid(at, "an object")
    return RelayReading(
        relay_index=fields.integer(
            item, "relay_index", lowest=0, highest=limits.MAX_RELAY_INDEX, at=at
        ),
        is_on=fields.boolean(item, "is_on", at=at),
    )


def _reading(item: object, place: int | None) -> Reading | str:
    """Return the reading, or the reason why there is none."""
    if not isinstance(item, dict):
        return NOT_AN_OBJECT
    seq = _number(item, place)
    if isinstance(seq, str):
        return seq
    at = sent_at = item.get("at")
    if sent_at is not None:
        at = fields.parse_moment(sent_at)
        if at is None:
            return AT_INVALID
    metrics = item.get("metrics")
    if not isinstance(metrics, dict) or not metrics:
        return METRICS_INVALID
    kinds = frozenset(map(type, metrics.values()))
    problem = _metrics_problem(metrics, kinds)
    if problem is not None:
        return problem
    if int in kinds:
        metrics = {name: float(value) for name, value in metrics.items()}
    return Reading(seq=seq, at=at, metrics=metrics)


def _number(item: dict[str, Any], place: int | None) -> int | str:
    """Return the record's number, or the reason why it has none."""
    if place is None:
        seq = _seq(item)
        return SEQ_INVALID if seq is None else seq
    # A number means something only within the boot that counted it.
    return place if item.get("seq") is None else SEQ_WITHOUT_BOOT


@lru_cache(maxsize=1024)
def _are_metric_names(names: tuple[str, ...]) -> bool:
    # A device names the same metrics in every reading.
    return all(map(fields.is_metric_name, names))


def _metrics_problem(metrics: Mapping[str, Any], kinds: frozenset[type]) -> str | None:
    if len(metrics) > limits.MAX_METRICS:
        return TOO_MANY_METRICS
    if not _are_metric_names(tuple(metrics)):
        return METRIC_NAME_INVALID
    if not kinds <= _NUMBERS:
        return METRIC_VALUE_INVALID
    return None


def _seq(item: object) -> int | None:
    seq = item.get("seq") if isinstance(item, dict) else None
    return seq if fields.is_integer(seq) and seq >= 0 else None
