"""What a device says of a command: its state, how far it is, and what it brings back."""

from collections.abc import Mapping
from typing import Any

from edge.protocol import documents, fields, limits
from edge.protocol.messages import AckStatus, IrLearned, Progress

_STATUSES = tuple(status.value for status in AckStatus)


def status(body: fields.Body) -> AckStatus:
    """Read what became of the command."""
    value = body.get("status")
    if not isinstance(value, str) or value not in _STATUSES:
        raise fields.invalid("/status", "one of " + ", ".join(_STATUSES))
    return AckStatus(value)


def optional_result(body: fields.Body) -> Mapping[str, Any] | None:
    """Read what the command brought back, or None."""
    if body.get("result") is None:
        return None
    return documents.read(body, "result", max_bytes=limits.MAX_RESULT_BYTES)


def optional_progress(body: fields.Body) -> Progress | None:
    """Read how far the command is, or None; a bare number is a percentage."""
    value = body.get("progress")
    if value is None:
        return None
    if not isinstance(value, dict):
        return Progress(percent=_percent(body, "progress", at=""))
    message = value.get("message")
    if message is not None and (
        not isinstance(message, str) or len(message) > limits.MAX_PROGRESS_CHARS
    ):
        raise fields.invalid(
            "/progress/message", f"a string of at most {limits.MAX_PROGRESS_CHARS} characters"
        )
    has_percent = value.get("percent") is not None
    return Progress(
        percent=_percent(value, "percent", at="/progress") if has_percent else None,
        message=message,
    )


def ir_learned(body: fields.Body) -> IrLearned:
    """Read an infrared code that the device received."""
    return IrLearned(
        command_id=fields.uid(body, "command_id"),
        frequency_hz=fields.integer(
            body,
            "frequency_hz",
            lowest=limits.MIN_IR_FREQUENCY_HZ,
            highest=limits.MAX_IR_FREQUENCY_HZ,
        ),
        timings=_timings(body),
    )


def _percent(body: fields.Body, name: str, *, at: str) -> int:
    return fields.integer(body, name, lowest=0, highest=100, at=at)


def _timings(body: fields.Body) -> tuple[int, ...]:
    items = body.get("timings")
    count = len(items) if isinstance(items, list) else 0
    if not isinstance(items, list) or not limits.MIN_IR_TIMINGS <= count <= limits.MAX_IR_TIMINGS:
        raise fields.invalid(
            "/timings", f"a list of {limits.MIN_IR_TIMINGS} to {limits.MAX_IR_TIMINGS} lengths"
        )
    for index, item in enumerate(items):
        if not fields.is_integer(item) or not 1 <= item <= limits.MAX_IR_TIMING_US:
            raise fields.invalid(
                f"/timings/{index}", f"microseconds from 1 to {limits.MAX_IR_TIMING_US}"
            )
    return tuple(items)
