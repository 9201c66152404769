"""Fixed vocabularies of relays."""

from django.db.models import TextChoices


class Source(TextChoices):
    """How the platform came to know a relay's state."""

    UNKNOWN = "unknown"
    COMMAND = "command"
    DEVICE = "device"
