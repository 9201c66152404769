"""What devices are told once their messages are committed."""

from __future__ import annotations

from devicelink.mqtt.held import Reply
from edge.protocol import codec, topics
from edge.protocol.messages import SensorAck, TelemetryAck, TwinAck
from edge.protocol.topics import DownChannel

_Key = tuple[str, DownChannel, str]
_CHANNEL_OF = {SensorAck: DownChannel.SENSOR_ACK, TwinAck: DownChannel.TWIN_DESIRED}


class Replies:
    """Waits for room on the connection; of the acknowledgements of one boot the highest is enough."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, Reply] = {}

    def add(self, uid: str, reply: Reply) -> None:
        """Have the device told."""
        if not isinstance(reply, TelemetryAck):
            self._waiting[uid, _CHANNEL_OF[type(reply)], reply.report_id] = reply
            return
        key = (uid, DownChannel.TELEMETRY_ACK, reply.boot_id)
        waiting = self._waiting.get(key)
        if not isinstance(waiting, TelemetryAck) or waiting.acked_seq < reply.acked_seq:
            self._waiting[key] = reply

    def take(self, room: int) -> list[tuple[bytes, bytes]]:
        """Topics and payloads of at most so many, those that wait longest first."""
        keys = [key for key, _ in zip(self._waiting, range(room), strict=False)]
        return [_message(key, self._waiting.pop(key)) for key in keys]


def _message(key: _Key, reply: Reply) -> tuple[bytes, bytes]:
    uid, channel, _ = key
    return topics.build(uid=uid, channel=channel).encode(), codec.encode(reply).encode()
