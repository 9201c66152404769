"""Every connection of a fleet is an open file, of which a process may have so many."""

import resource
from typing import Final

from edge.simulator.errors import OptionsInvalid
from edge.simulator.http_client import CONNECTIONS

# Files, the event loop, connections that register devices.
_BESIDES: Final = 64


def allow(connections: int) -> None:
    """Have this process open so many connections, or raise ``OptionsInvalid`` with the cure."""
    needed = connections + CONNECTIONS + _BESIDES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return
    if most != resource.RLIM_INFINITY and most < needed:
        raise OptionsInvalid(
            f"this fleet needs {needed} open files and may have {most}: raise `ulimit -Hn`,"
            " or run it as several with other seeds"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
