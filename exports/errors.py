"""What can be wrong about exports."""

from __future__ import annotations

from kernel import errors


class TooManyExports(errors.Conflict):
    """The user has as many exports as one may have at a time."""

    code = "too_many_exports"
    default_message = "You have as many exports as one may have. Remove one you no longer need."


class ExportNotReady(errors.Conflict):
    """The file is still being made, or could not be."""

    code = "export_not_ready"
    default_message = "There is no file yet. Look at the state of the export."
