"""The WebSocket close codes of ``/ws/device`` and what each asks of the device."""

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """Why the server ended a session."""

    TRY_AGAIN_LATER = 1013
    SUPERSEDED = 4001
    BAD_CREDENTIALS = 4401
    UNPAIRED = 4403
    AUTH_TIMEOUT = 4408
    PROTOCOL_ERROR = 4409
    TOO_LARGE = 4413
    TOO_MANY = 4429


# Coming back with the same key cannot succeed: the device stops and tells its owner.
FINAL_CODES: Final = frozenset({CloseCode.BAD_CREDENTIALS, CloseCode.UNPAIRED})
