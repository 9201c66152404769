"""Why a simulated fleet, or one device of it, cannot go on; each with the cure in its sentence."""

from typing import ClassVar


class SimulatorStopped(Exception):
    """The simulator cannot run as asked."""

    exit_code: ClassVar[int] = 1


class OptionsInvalid(SimulatorStopped):
    """What was asked for cannot work."""

    exit_code = 2


class StateDirectoryBusy(SimulatorStopped):
    """Another simulator runs the same devices."""

    exit_code = 4


class StateUnreadable(SimulatorStopped):
    """A stored device cannot be read."""

    exit_code = 5


class DeviceRefused(Exception):
    """The server will not have this device, however often it tries."""


class DeviceUnpaired(DeviceRefused):
    """The life of this device has ended; its hardware may begin another."""


class ServerUnavailable(Exception):
    """The server cannot answer now; ``retry_after`` seconds if it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
