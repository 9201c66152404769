"""This machine's real figures, as named numbers."""

import time
from contextlib import suppress

import psutil

_ROOT = "/"
# Where the boards and servers we met report the processor; any other sensor comes after these.
_PREFERRED_SENSORS = ("cpu_thermal", "coretemp", "k10temp", "zenpower", "acpitz")


class MetricsSampler:
    """Reads the machine; rates are over the time since the sample before."""

    def __init__(self) -> None:
        psutil.cpu_percent(interval=None)  # the first answer has no span to average over
        self._last_traffic: tuple[float, int, int] | None = None

    def sample(self, *, monotonic: float) -> dict[str, float]:
        """Return what can be measured here now; what this machine lacks is left out."""
        memory = psutil.virtual_memory()
        metrics = {
            "cpu_percent": psutil.cpu_percent(interval=None),
            "memory_percent": memory.percent,
            "memory_used_bytes": float(memory.used),
            "memory_total_bytes": float(memory.total),
            "uptime_s": max(0.0, time.time() - psutil.boot_time()),
        }
        with suppress(OSError):
            disk = psutil.disk_usage(_ROOT)
            metrics["disk_percent"] = disk.percent
            metrics["disk_used_bytes"] = float(disk.used)
            metrics["disk_total_bytes"] = float(disk.total)
        with suppress(OSError, AttributeError):
            metrics["load_1m"] = psutil.getloadavg()[0]
        metrics.update(self._traffic(monotonic))
        temperature = _temperature()
        if temperature is not None:
            metrics["temperature_celsius"] = temperature
        return {name: round(value, 3) for name, value in metrics.items()}

    def _traffic(self, monotonic: float) -> dict[str, float]:
        try:
            counters = psutil.net_io_counters()
        except OSError:
            return {}
        if counters is None:
            return {}
        before = self._last_traffic
        self._last_traffic = (monotonic, counters.bytes_sent, counters.bytes_recv)
        if before is None or monotonic <= before[0]:
            return {}
        seconds = monotonic - before[0]
        # Counters start again when an interface does: a negative rate is no rate.
        return {
            "net_sent_bytes_per_s": max(0, counters.bytes_sent - before[1]) / seconds,
            "net_recv_bytes_per_s": max(0, counters.bytes_recv - before[2]) / seconds,
        }


def _temperature() -> float | None:
    read = getattr(psutil, "sensors_temperatures", None)
    if read is None:
        return None
    try:
        sensors = read()
    except OSError:
        return None
    for name in (*_PREFERRED_SENSORS, *sensors):
        for sensor in sensors.get(name, ()):
            if sensor.current:
                return float(sensor.current)
    return None
