"""The one failure a frame can cause."""

from typing import Final

MALFORMED: Final = "malformed"
TOO_LARGE: Final = "too_large"
UNKNOWN_TYPE: Final = "unknown_type"
INVALID_FIELD: Final = "invalid_field"


class ProtocolError(Exception):
    """A frame that breaks the protocol, with a stable code for the ``error`` reply.

    ``field`` is a JSON Pointer to the offending member (``""`` for the whole frame); ``reason``
    repeats the strict decoder's own code when the frame was not even acceptable JSON.
    """

    def __init__(self, code: str, message: str, *, field: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.reason = reason
