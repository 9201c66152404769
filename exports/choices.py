"""Closed sets of values about exports."""

from django.db import models


class ExportState(models.TextChoices):
    """How far a file is."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class FileFormat(models.TextChoices):
    """How a file is written."""

    CSV = "csv", "CSV"
    NDJSON = "ndjson", "NDJSON"
