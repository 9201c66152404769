"""Fixed vocabularies of a device."""

from django.db.models import TextChoices


class Pairing(TextChoices):
    """Where a device is in its life."""

    UNCLAIMED = "unclaimed"
    PAIRED = "paired"
    UNPAIRED = "unpaired"


class DeviceClass(TextChoices):
    """What kind of hardware it is, as far as the platform treats it differently."""

    RELAY_CONTROLLER = "relay_controller"
    IR_HUB = "ir_hub"
    SENSOR_HUB = "sensor_hub"
    HYBRID = "hybrid"
    SERVER = "server"
    POS_TERMINAL = "pos_terminal"
    OTHER = "other"


class PowerRestoreMode(TextChoices):
    """What the relays do when power comes back."""

    OFF = "off"
    ON = "on"
    LAST = "last"


class Connectivity(TextChoices):
    """Whether a device is there; derived from its presence, never edited."""

    ONLINE = "online"
    STALE = "stale"
    OFFLINE = "offline"
    NEVER = "never_connected"


class Wire(TextChoices):
    """How a device speaks to the platform."""

    WEBSOCKET = "websocket"
    MQTT = "mqtt"
    HTTP = "http"
