"""The kinds of device, what they measure over a day, and mixes of them."""

import argparse
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from edge.protocol import fields
from edge.protocol.messages import SensorReport, Telemetry
from edge.simulator import options
from edge.simulator.chaos import ChaosProfile
from edge.simulator.core import BoardProfile
from edge.simulator.device import SimDevice
from edge.simulator.dice import Stream
from edge.simulator.environment import Surroundings
from edge.simulator.errors import OptionsInvalid
from edge.simulator.flash import Flash
from edge.simulator.options import FleetOptions
from edge.simulator.profiles import POS, PROFILES, SENSOR, DeviceProfile
from edge.simulator.provisioning import Registration
from tests.simulator.cores import Bench, said

pytestmark = pytest.mark.core

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def _given(*words: str) -> FleetOptions:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return options.from_arguments(parser.parse_args(words), {})


def _day_of(profile: DeviceProfile, seed: str) -> list[dict[str, float]]:
    place = Surroundings(profile.signals, Stream(seed))
    return [
        place.measure(wall=DAY + timedelta(minutes=minute), uptime_s=60.0 * minute)
        for minute in range(0, 1440, 10)
    ]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_figure_of_a_day_is_within_its_bounds_and_repeats_with_its_seed(profile) -> None:
    day = _day_of(profile, "7:0")
    assert day == _day_of(profile, "7:0") != _day_of(profile, "7:1")
    for signal in profile.signals:
        low, high = signal.bounds
        values = [figures[signal.name] for figures in day]
        assert fields.is_metric_name(signal.name)
        assert all(low <= value <= high for value in values)


def test_a_till_works_by_day_and_rests_by_night() -> None:
    day = _day_of(POS, "7:0")
    night, noon = day[: 6 * 6], day[11 * 6 : 16 * 6]
    for name in ("cpu_percent", "transactions_per_minute", "temperature_celsius"):
        assert min(figures[name] for figures in noon) > sum(f[name] for f in night) / len(night)


def test_a_mix_has_the_devices_it_names_well_shuffled() -> None:
    mixed = _given("--mix", "pos=5,server=2,relay=3")
    kinds = [mixed.profile(index).name for index in range(mixed.devices)]
    assert Counter(kinds) == {"pos": 5, "relay": 3, "server": 2}
    assert len(set(kinds[:4])) == 3, "no kind waits for the others"
    assert [mixed.relays_of(index) for index in range(10)].count(4) == 3
    larger = _given("--mix", "pos=5,server=2,relay=3", "--devices", "100")
    assert Counter(larger.profile(index).name for index in range(100))["pos"] == 50


@pytest.mark.parametrize("words", [("--mix", "pos"), ("--mix", "pos=0"), ("--profile", "toaster")])
def test_what_is_no_mix_is_refused(words) -> None:
    with pytest.raises(OptionsInvalid):
        _given(*words)


def test_a_kind_registers_as_its_class_with_its_capabilities() -> None:
    body = Registration("sim-1-0", "Till 1", 0, POS).to_plain()
    assert (body["device_class"], body["relay_count"]) == ("pos_terminal", 0)
    assert body["is_simulated"] is True
    assert "relays" not in body["capabilities"]


def test_a_sensor_hub_tells_its_sensors_and_each_change_once() -> None:
    profile = BoardProfile("sim-7-0", seed=7, index=0, run_id="run", kind=SENSOR)
    hub = Bench(SimDevice(profile, Flash.blank(0), ChaosProfile()))
    hub.start()
    hub.wait(3_600)
    reports = said(hub.effects, SensorReport)
    assert said(hub.effects, Telemetry) and len(reports) > 100
    assert {item.kind for item in reports[0].sensors} == {
        "temperature", "humidity", "light", "motion", "mmwave",
    }  # fmt: skip
    assert not any(report.rejected for report in reports)
    hall = [item for report in reports for item in report.sensors if item.sensor == "hall"]
    events = [item.event_id for item in hall if item.event_id is not None]
    assert len(events) == len(set(events)) > 10
    values = [item.value for item in hall if item.event_id is not None]
    assert all(before is not after for before, after in pairwise(values))
