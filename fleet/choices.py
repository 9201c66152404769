"""Fixed vocabularies of what is told of a fleet."""

from django.db.models import TextChoices


class Need(TextChoices):
    """Why something needs somebody, what is worst first."""

    SITE_OUTAGE = "site_outage"
    OFFLINE = "offline"
    FLAPPING = "flapping"
    COMMANDS_FAILED = "commands_failed"
    DRIFT = "drift"
    KEY_UNUSED = "key_unused"
    OLD_KEY = "old_key"
    SET_ASIDE = "set_aside"
    NEVER_CONNECTED = "never_connected"


class Severity(TextChoices):
    """How bad that is."""

    BAD = "bad"
    WARN = "warn"
    NOTE = "note"


class Counting(TextChoices):
    """Which devices a figure counts."""

    REAL = "real"
    SIMULATED = "simulated"
    ALL = "all"
