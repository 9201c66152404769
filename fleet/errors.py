"""Why something about the fleet as a whole is refused."""

from __future__ import annotations

from kernel import errors


class NoSimulator(errors.Conflict):
    """This installation cannot run simulated devices by itself."""

    code = "no_simulator"
    default_message = (
        "This installation does not run simulated devices itself. Start them beside it: "
        "python -m edge.simulator --url ADDRESS --devices 24."
    )
