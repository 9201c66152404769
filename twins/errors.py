"""What can go wrong with a twin."""

from __future__ import annotations

from typing import Any

from kernel import errors


class TwinVersionConflict(errors.Conflict):
    """Somebody changed the desired state since the caller read it; nothing was changed.

    `details` has what both of them made of which version, and what both together would be.
    """

    code = "twin_version_conflict"
    default_message = "The desired state has changed since you read it. Decide what is to hold."

    def __init__(self, *, etag: str, details: dict[str, Any]) -> None:
        super().__init__(details={"etag": etag, **details})
        self.etag = etag


class RevisionGone(errors.NotFound):
    """That version never was, or is no longer kept."""

    default_message = "There is no such version of this document, or it is no longer kept."
