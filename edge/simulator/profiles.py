"""The kinds of device a fleet can be made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge.simulator.environment import Curve, Signal

_PERCENT: Final = (0.0, 100.0)
_NOT_NEGATIVE: Final = (0.0, float("inf"))


@dataclass(frozen=True, slots=True)
class SensorKind:
    """One sensor of a hub: a figure of its surroundings, or presence that comes and goes."""

    name: str
    kind: str
    unit: str | None = None
    # The signal it shows; None for one that says whether somebody is there.
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What a kind of device is, has and measures; ``relays`` None takes the fleet's number."""

    name: str
    device_class: str
    device_type: str
    capabilities: tuple[str, ...]
    signals: tuple[Signal, ...]
    relays: int | None = 0
    inputs: int = 0
    sensors: tuple[SensorKind, ...] = ()


RELAY: Final = DeviceProfile(
    name="relay",
    device_class="relay_controller",
    device_type="homepot_simulator",
    capabilities=("relays", "telemetry", "inputs"),
    relays=None,
    inputs=2,
    signals=(
        Signal("temperature_celsius", (18.0, 30.0), 3.0, Curve.SUN, 0.05, 0.15),
        Signal("supply_volts", (11.6, 12.4), drift=0.005, noise=0.03, digits=3),
        Signal("rssi_dbm", (-78.0, -48.0), noise=1.5, bounds=(-120.0, 0.0), digits=0),
    ),
)
POS: Final = DeviceProfile(
    name="pos",
    device_class="pos_terminal",
    device_type="homepot_simulated_pos",
    capabilities=("telemetry",),
    signals=(
        Signal("cpu_percent", (4.0, 12.0), 35.0, Curve.SHOP, 1.0, 4.0, _PERCENT, 1),
        Signal("memory_percent", (45.0, 65.0), 10.0, Curve.SHOP, 0.3, 0.5, _PERCENT, 1),
        Signal("disk_percent", (30.0, 70.0), drift=0.02, bounds=_PERCENT, digits=1),
        Signal("temperature_celsius", (34.0, 42.0), 9.0, Curve.SHOP, 0.1, 0.4),
        Signal("transactions_per_minute", (0.0, 0.0), 4.0, Curve.SHOP, 0.1, 0.6, _NOT_NEGATIVE, 1),
        Signal("printer_paper_percent", (20.0, 95.0), drift=0.5, bounds=_PERCENT, digits=0),
        Signal("network_latency_ms", (12.0, 40.0), 8.0, Curve.SHOP, 0.5, 3.0, _NOT_NEGATIVE, 1),
    ),
)
SERVER: Final = DeviceProfile(
    name="server",
    device_class="server",
    device_type="homepot_simulated_server",
    capabilities=("telemetry",),
    signals=(
        Signal("cpu_percent", (10.0, 35.0), 30.0, Curve.SHOP, 1.5, 5.0, _PERCENT, 1),
        Signal("memory_percent", (40.0, 75.0), 5.0, Curve.SHOP, 0.4, 0.3, _PERCENT, 1),
        Signal("disk_percent", (35.0, 80.0), drift=0.02, bounds=_PERCENT, digits=2),
        Signal("load_1m", (0.4, 2.0), 3.0, Curve.SHOP, 0.1, 0.3, _NOT_NEGATIVE),
        Signal("temperature_celsius", (45.0, 55.0), 6.0, Curve.SHOP, 0.2, 0.5),
        Signal("net_recv_bytes_per_s", (2e4, 2e5), 8e5, Curve.SHOP, 5e3, 2e4, _NOT_NEGATIVE, 0),
        Signal("net_sent_bytes_per_s", (5e4, 4e5), 2e6, Curve.SHOP, 8e3, 5e4, _NOT_NEGATIVE, 0),
    ),
)
SENSOR: Final = DeviceProfile(
    name="sensor",
    device_class="sensor_hub",
    device_type="homepot_simulated_hub",
    capabilities=("telemetry", "sensors", "inputs"),
    inputs=1,
    signals=(
        Signal("temperature_celsius", (19.0, 23.0), 2.0, Curve.SUN, 0.05, 0.05),
        Signal("humidity_percent", (38.0, 55.0), -6.0, Curve.SUN, 0.3, 0.4, _PERCENT, 1),
        Signal("illuminance_lux", (5.0, 30.0), 450.0, Curve.SHOP, 3.0, 8.0, _NOT_NEGATIVE, 0),
        Signal("battery_percent", (55.0, 100.0), drift=0.02, bounds=_PERCENT, digits=1),
    ),
    sensors=(
        SensorKind("air", "temperature", "°C", "temperature_celsius"),
        SensorKind("humidity", "humidity", "%", "humidity_percent"),
        SensorKind("window", "light", "lx", "illuminance_lux"),
        SensorKind("hall", "motion"),
        SensorKind("desk", "mmwave"),
    ),
)

INFRARED: Final = DeviceProfile(
    name="infrared",
    device_class="ir_hub",
    device_type="homepot_simulated_blaster",
    capabilities=("telemetry", "infrared"),
    signals=(
        Signal("temperature_celsius", (20.0, 26.0), 2.0, Curve.SUN, 0.05, 0.1),
        Signal("rssi_dbm", (-70.0, -45.0), noise=1.5, bounds=(-120.0, 0.0), digits=0),
    ),
)

PROFILES: Final[Mapping[str, DeviceProfile]] = {
    profile.name: profile for profile in (RELAY, POS, SERVER, SENSOR, INFRARED)
}
