"""The benchmark of simulated fleets runs to its end and prints what it promises."""

import pytest

from benchmarks import simulated_fleet


@pytest.mark.mosquitto
def test_a_fleet_on_three_wires_tells_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    wires = "websocket=5,http=3,mqtt=2"
    simulated_fleet.main(["--devices", "10", "--seconds", "6", "--every", "0.5", "--wires", wires])
    printed = capsys.readouterr().out
    assert "10 devices, " in printed
    assert "KiB each" in printed
