"""The closed sets of words that notifications store."""

from django.db.models import TextChoices


class Transport(TextChoices):
    """How a channel reaches its receiver."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class Topic(TextChoices):
    """What a channel can ask to be told of."""

    OFFLINE = "offline"
    ONLINE = "online"
    FLAPPING = "flapping"
    SITE_OUTAGE = "site_outage"
    DRIFT = "drift"


class Kind(TextChoices):
    """What a notice tells."""

    OFFLINE = "offline"
    ONLINE = "online"
    FLAPPING = "flapping"
    FLAPPING_ENDED = "flapping_ended"
    SITE_OUTAGE = "site_outage"
    SITE_OUTAGE_ENDED = "site_outage_ended"
    DRIFT = "drift"
    DRIFT_ENDED = "drift_ended"


class ChannelState(TextChoices):
    """Whether a channel is told anything: only an active one is."""

    UNCONFIRMED = "unconfirmed"
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class NoticeState(TextChoices):
    """Where a notice is: it waits for its time, went into a delivery, or is not to be told."""

    WAITING = "waiting"
    FOLDED = "folded"
    BATCHED = "batched"
    WITHDRAWN = "withdrawn"


class DeliveryState(TextChoices):
    """Where a delivery is; the last three are final."""

    PENDING = "pending"
    SENDING = "sending"
    FAILED = "failed"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class Purpose(TextChoices):
    """Why something is delivered."""

    CHANGES = "changes"
    TEST = "test"
    CONFIRM = "confirm"
    DISABLED = "disabled"
