"""The audit log: who changed what, when, and what it was before."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only entries, one hash chain per tenant and one for the platform."""

    name = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        from audit import tasks  # noqa: F401  jobs register themselves once apps exist
