"""The MQTT topics, built and parsed only here.

``homepot/v1/<uid>/<channel>``: the version stands in the topic, so two versions of the protocol
can share one broker.
"""

from dataclasses import dataclass
from enum import StrEnum

from edge.protocol.fields import is_uid

PREFIX = "homepot/v1"


class UpChannel(StrEnum):
    """What a device may publish."""

    TELEMETRY = "telemetry"
    SENSOR = "sensor"
    STATE = "state"
    EVENT = "event"
    ACK = "ack"
    TWIN_REPORTED = "twin/reported"
    OTA = "ota"
    STATUS = "status"


class DownChannel(StrEnum):
    """What a device may subscribe to."""

    COMMAND = "command"
    CONFIG = "config"
    TWIN_DESIRED = "twin/desired"
    TELEMETRY_ACK = "telemetry/ack"
    SENSOR_ACK = "sensor/ack"


Channel = UpChannel | DownChannel

_CHANNELS: dict[str, Channel] = {channel.value: channel for channel in (*UpChannel, *DownChannel)}


class InvalidTopic(ValueError):
    """A topic, or a uid meant for one, that is none of ours."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One parsed topic: whose, and which channel."""

    uid: str
    channel: Channel


def build(*, uid: str, channel: Channel) -> str:
    """Return the topic of one device's channel; a uid with a wildcard or a slash is refused."""
    if not is_uid(uid):
        raise InvalidTopic("the uid cannot stand in a topic")
    return f"{PREFIX}/{uid}/{channel.value}"


def parse(topic: str) -> Topic:
    """Return whose topic this is and which channel, or raise ``InvalidTopic``."""
    head, separator, rest = topic.partition(f"{PREFIX}/")
    uid, slash, name = rest.partition("/")
    channel = _CHANNELS.get(name)
    if head or not separator or not slash or channel is None or not is_uid(uid):
        raise InvalidTopic("not a topic of this protocol")
    return Topic(uid=uid, channel=channel)


def subscription(channel: Channel, *, share: str | None = None) -> str:
    """Return the filter for a channel of every device, shared among a group when asked."""
    pattern = f"{PREFIX}/+/{channel.value}"
    return pattern if share is None else f"$share/{share}/{pattern}"
