"""Fixed vocabularies of the ledger."""

from django.db.models import TextChoices


class State(TextChoices):
    """Where a command is; state_machine.py says which moves there are."""

    QUEUED = "queued"
    SENT = "sent"
    ACKED = "acked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    TIMED_OUT = "timed_out"


class Delivery(TextChoices):
    """Whether a command may wait for its device."""

    NOW = "now"
    QUEUE = "queue"
