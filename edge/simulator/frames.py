"""What kind of message a frame of a core is, on the wires that carry only some of them."""

from collections.abc import Collection
from typing import Any

from edge.protocol import limits, strict_json


def kind_of(frame: str | bytes, among: Collection[str]) -> str | None:
    """Return which of these kinds a frame is, or None for any other; no JSON is the kind ``""``."""
    if isinstance(frame, str):
        for kind in among:
            if is_kind(frame, kind):
                return kind
    return "" if plain(frame) is None else None


def is_kind(frame: str | bytes, kind: str) -> bool:
    """Say whether a frame of a core is of that kind."""
    return isinstance(frame, str) and frame.startswith(f'{{"type":"{kind}"')


def plain(frame: str | bytes) -> dict[str, Any] | None:
    """Return the members of a frame, None when it is no JSON object."""
    try:
        found = strict_json.loads(frame, max_bytes=limits.MAX_DOCUMENT_FRAME_BYTES)
    except strict_json.StrictJSONError:
        return None
    return found if isinstance(found, dict) else None
