"""What devices measured and what their sensors say: the newest, and how it came to be."""

from telemetry.models.readings import LatestMetrics, Reading
from telemetry.models.rollups import ReadingRollup, RollupCursor
from telemetry.models.sensors import DeviceAttribute, DeviceSensorEvent, DeviceSensorState

__all__ = [
    "DeviceAttribute",
    "DeviceSensorEvent",
    "DeviceSensorState",
    "LatestMetrics",
    "Reading",
    "ReadingRollup",
    "RollupCursor",
]
