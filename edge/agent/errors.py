"""Why the agent stops, each with the sentence its owner reads and the exit code."""

from typing import ClassVar


class AgentStopped(Exception):
    """The agent cannot go on by itself; the message says what to do."""

    exit_code: ClassVar[int] = 1


class ConfigurationInvalid(AgentStopped):
    """What was asked for on the command line or in the environment cannot work."""

    exit_code = 2


class AccessRefused(AgentStopped):
    """The server will not have this device as it is; trying again cannot help."""

    exit_code = 3


class StateDirectoryBusy(AgentStopped):
    """Another agent already works with this state directory."""

    exit_code = 4


class StateUnreadable(AgentStopped):
    """A file of the state directory is damaged."""

    exit_code = 5


class KeyExposed(StateUnreadable):
    """Others on this machine can read the device's key."""


class ServerUnavailable(Exception):
    """The server cannot answer now; the agent waits and tries again."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
