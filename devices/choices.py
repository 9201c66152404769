"""Fixed vocabularies of a device."""

from django.db.models import TextChoices

# Words that follow `/devices/` in addresses: a device of that name could not be reached by it.
RESERVED_DEVICE_IDS = frozenset(
    {"claim", "commands", "pending", "self", "sensor-report", "sites", "dynamic", "status"}
)


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


class InputMode(TextChoices):
    """What an input does with the relay it is bound to."""

    # Events only.
    DETACHED = "detached"
    # Each change switches.
    TOGGLE = "toggle"
    # Each press switches.
    MOMENTARY = "momentary"
    # The relay is on while the input is.
    FOLLOW = "follow"


class Connectivity(TextChoices):
    """Whether a device is there; derived from its presence, never edited."""

    ONLINE = "online"
    STALE = "stale"
    OFFLINE = "offline"
    NEVER = "never_connected"


class Sync(TextChoices):
    """Whether a device is as it is desired; unknown where nothing ever was."""

    IN_SYNC = "in_sync"
    DRIFT = "drift"
    UNKNOWN = "unknown"


class ConnectionKind(TextChoices):
    """What a line of the connectivity log tells."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"


class Wire(TextChoices):
    """How a device speaks to the platform."""

    WEBSOCKET = "websocket"
    MQTT = "mqtt"
    HTTP = "http"


class LifeEnd(TextChoices):
    """Why a life of a device ended."""

    UNPAIRED = "unpaired"
    RELEASED = "released"
    TRANSFERRED = "transferred"
    SITE_REMOVED = "site_removed"
    ACCOUNT_ERASED = "account_erased"


class EnrolledBy(TextChoices):
    """How a device came to its owner."""

    CLAIM = "claim"
    SITE = "site"
    BATCH_KEY = "batch_key"
    BULK = "bulk"
    TRANSFER = "transfer"


class KeyRole(TextChoices):
    """What a device's key is for: in use, waiting for its first use, or on its way out."""

    CURRENT = "current"
    PENDING = "pending"
    RETIRING = "retiring"


class KeyState(TextChoices):
    """How a device's keys stand; a device that has a new one waiting works with the old one."""

    CURRENT = "current"
    PENDING = "rotation_pending"
    RETIRING = "old_key_in_use"
    NONE = "none"


class RevokeOld(TextChoices):
    """When a rotation ends the old key: the grace after the new one's first use, or now."""

    AFTER_FIRST_USE = "after_first_use"
    NOW = "now"


class ProvisioningKeyState(TextChoices):
    """Whether devices may still come in with a batch key, and why not."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USED_UP = "used_up"


class TransferState(TextChoices):
    """Where the handing over of a device to another tenant is."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class EnrolmentState(TextChoices):
    """Where a bulk enrolment is: checked only, asked to run, running, over."""

    CHECKED = "checked"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class EnrolmentMode(TextChoices):
    """What each row of a bulk enrolment gets: its own key, or a claim code for a later owner."""

    API_KEY = "api_key"
    CLAIM_CODE = "claim_code"


class ErasureState(TextChoices):
    """Where the erasing of personal data is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class RowState(TextChoices):
    """What became of one row of a bulk enrolment."""

    WAITING = "waiting"
    INVALID = "invalid"
    ENROLLED = "enrolled"
    FAILED = "failed"
    SKIPPED = "skipped"
