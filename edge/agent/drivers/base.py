"""The promise of a relay driver."""

from typing import Protocol

from edge.protocol.duties import CommandRing, Relays


class RelayDriver(Protocol):
    """A relay board together with the memory of the commands it has carried out.

    Both belong together: if only one of them survived a power cut, the board would either run a
    command twice or claim one it never ran.
    """

    @property
    def relays(self) -> Relays:
        """The positions now."""

    @property
    def ring(self) -> CommandRing:
        """The commands carried out last."""

    def commit(self, relays: Relays, ring: CommandRing) -> None:
        """Move to these positions and remember, durably and at once; raise ``OSError`` if not."""

    def close(self) -> None:
        """Let go of the hardware without moving it."""
