"""Sensor reports: what each sensor says and what a device says of itself, judged one by one."""

from collections.abc import Mapping
from typing import Any, Final

from edge.protocol import fields, limits, strict_json
from edge.protocol.messages import RejectedSensor, SensorReading, SensorReport

NOT_AN_OBJECT: Final = "not_an_object"
SENSOR_INVALID: Final = "sensor_invalid"
KIND_INVALID: Final = "kind_invalid"
VALUE_INVALID: Final = "value_invalid"
UNIT_INVALID: Final = "unit_invalid"
AT_INVALID: Final = "at_invalid"
EVENT_ID_INVALID: Final = "event_id_invalid"
ATTRIBUTE_INVALID: Final = "attribute_invalid"
TOO_MANY_ATTRIBUTES: Final = "too_many_attributes"


def report(body: fields.Body) -> SensorReport:
    """Read a report; a bad item becomes a verdict, never an error.

    Raises ``ProtocolError`` when there is no usable list of sensors and no attributes either.
    """
    items = body.get("sensors")
    given = body.get("attributes")
    if items is None and given is not None:
        items = []
    if not isinstance(items, list) or len(items) > limits.MAX_SENSOR_READINGS:
        raise fields.invalid("/sensors", f"a list of at most {limits.MAX_SENSOR_READINGS} items")
    if not items and given is None:
        raise fields.invalid("/sensors", "at least one item, or attributes")
    attributes, refused = optional_attributes(body)
    accepted: list[SensorReading] = []
    rejected: list[RejectedSensor] = []
    for index, item in enumerate(items):
        reading = _reading(item)
        if isinstance(reading, SensorReading):
            accepted.append(reading)
        else:
            rejected.append(RejectedSensor(index=index, sensor=_name(item), reason=reading))
    return SensorReport(
        sensors=tuple(accepted),
        attributes=attributes,
        report_id=fields.optional_reference(body, "report_id"),
        rejected=tuple(rejected),
        rejected_attributes=refused,
    )


def optional_attributes(body: fields.Body) -> tuple[dict[str, str] | None, dict[str, str]]:
    """Read ``attributes``: those that are usable, and why the others are not, by name.

    Raises ``ProtocolError`` when they are no object.
    """
    given = body.get("attributes")
    if given is None:
        return None, {}
    if not isinstance(given, dict):
        raise fields.invalid("/attributes", "an object of names and texts")
    accepted: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name, value in given.items():
        if not fields.is_metric_name(name) or not _is_text(value, limits.MAX_ATTRIBUTE_CHARS):
            refused[name[: limits.MAX_NAME_TOLD]] = ATTRIBUTE_INVALID
        elif len(accepted) == limits.MAX_ATTRIBUTES:
            refused[name] = TOO_MANY_ATTRIBUTES
        else:
            accepted[name] = value
    return accepted, refused


def usable_attributes(body: fields.Body) -> dict[str, str] | None:
    """Read those of ``attributes`` that are usable, where nothing else may suffer from the rest."""
    if not isinstance(body.get("attributes"), dict):
        return None
    return optional_attributes(body)[0] or None


def is_sensor_value(value: object) -> bool:
    """Say whether this may be what a sensor says."""
    if isinstance(value, bool) or fields.is_number(value):
        return True
    if isinstance(value, str):
        return len(value) <= limits.MAX_SENSOR_TEXT_CHARS
    return isinstance(value, dict) and _is_small(value)


def _reading(item: object) -> SensorReading | str:
    """Return what the sensor says, or the reason why it cannot be used."""
    if not isinstance(item, dict):
        return NOT_AN_OBJECT
    at = fields.parse_moment(item.get("at"))
    problem = _problem(item)
    if problem is not None:
        return problem
    if at is None and item.get("at") is not None:
        return AT_INVALID
    return SensorReading(
        sensor=item["sensor"],
        kind=item["kind"],
        value=item["value"],
        unit=item.get("unit"),
        at=at,
        event_id=item.get("event_id"),
    )


def _problem(item: Mapping[str, Any]) -> str | None:
    unit, event_id = item.get("unit"), item.get("event_id")
    checks = (
        (fields.is_sensor_name(item.get("sensor")), SENSOR_INVALID),
        (fields.is_sensor_name(item.get("kind")), KIND_INVALID),
        (is_sensor_value(item.get("value")), VALUE_INVALID),
        (unit is None or _is_text(unit, limits.MAX_UNIT_CHARS), UNIT_INVALID),
        (event_id is None or fields.is_reference(event_id), EVENT_ID_INVALID),
    )
    return next((reason for is_right, reason in checks if not is_right), None)


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _is_small(value: dict[str, Any]) -> bool:
    return len(strict_json.dumps(value).encode()) <= limits.MAX_SENSOR_OBJECT_BYTES


def _name(item: object) -> str | None:
    name = item.get("sensor") if isinstance(item, dict) else None
    return name if fields.is_sensor_name(name) else None
