"""Closed sets of values about the audit log."""

from __future__ import annotations

from django.db import models


class ChainState(models.TextChoices):
    """What is known of a chain."""

    UNKNOWN = "unknown", "Not verified yet"
    INTACT = "intact", "Intact"
    BROKEN = "broken", "Broken"
