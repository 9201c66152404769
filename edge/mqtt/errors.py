"""What a broker connection can end in."""

from typing import Final

# 4 and 5 are version 3.1.1's, the rest version 5's: bad credentials, not authorised, banned.
_UNAUTHORISED: Final = frozenset({4, 5, 0x86, 0x87, 0x8A})


class Refused(Exception):
    """The broker said no: to the connection, a subscription or (version 5) a message."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} (code {code})")
        self.code = code
        self.reason = reason

    @property
    def is_unauthorised(self) -> bool:
        """Say whether the account or its rights are the reason, so that trying again is no use."""
        return self.code in _UNAUTHORISED


class ConnectionLost(Exception):
    """There is no connection (any more); ``code`` is the broker's own reason, where it gave one."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
