"""Words about twins."""

from django.db.models import TextChoices


class Section(TextChoices):
    """The two documents of a twin."""

    DESIRED = "desired"
    REPORTED = "reported"


class Origin(TextChoices):
    """How a revision came about."""

    PATCH = "patch"
    REPLACE = "replace"
    RESTORE = "restore"
