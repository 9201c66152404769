"""Fixed vocabularies of infrared codes."""

from django.db.models import TextChoices


class Source(TextChoices):
    """How a code came to be known."""

    LEARNED = "learned"
    IMPORTED = "imported"
