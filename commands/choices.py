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


class BatchState(TextChoices):
    """Where a batch is."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ABORTED = "aborted"
    CANCELLED = "cancelled"


class MemberState(TextChoices):
    """What a batch has done for one of its devices; the command tells the rest."""

    PENDING = "pending"
    ASKED = "asked"
    SKIPPED = "skipped"


class Delivery(TextChoices):
    """Whether a command may wait for its device."""

    NOW = "now"
    QUEUE = "queue"
