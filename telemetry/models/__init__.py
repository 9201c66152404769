"""What devices measured and what their sensors say: the newest, and how it came to be."""

from telemetry.models.readings import LatestMetrics, Reading
from telemetry.models.rollups import ReadingRollup, RollupCursor
from telemetry.models.sensors import DeviceAttribute, DeviceSensorEvent, DeviceSensorState
from telemetry.models.set_aside import IngestProcess, SetAsidePayload
from telemetry.models.windows import ReadingWindow

__all__ = [
    "DeviceAttribute",
    "DeviceSensorEvent",
    "DeviceSensorState",
    "IngestProcess",
    "LatestMetrics",
    "Reading",
    "ReadingRollup",
    "ReadingWindow",
    "RollupCursor",
    "SetAsidePayload",
]
