"""Frozen values about configurations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigView:
    """What a device is to be set to, and what it says it is set to.

    Version 0: nobody ever configured it. `drift_since` is None while it works by this version;
    `error` is why it could not take `refused_version`.
    """

    version: int
    document: dict[str, Any]
    changed_at: datetime | None = None
    changed_by: str = ""
    applied_version: int = 0
    applied_at: datetime | None = None
    drift_since: datetime | None = None
    refused_version: int | None = None
    error: str = ""

    @property
    def is_applied(self) -> bool:
        """Whether the device says that it works by this version."""
        return self.applied_version == self.version
