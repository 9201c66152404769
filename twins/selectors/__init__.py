"""Reads about twins."""

from twins.history import changes_between
from twins.merging import merge
from twins.selectors.drifts import drift_count, drift_of, long_drifts
from twins.selectors.policies import policy_of
from twins.selectors.revisions import (
    diff_of,
    document_at,
    revision_of,
    revisions_of,
    twin_at,
)
from twins.selectors.twins import (
    delta_of,
    desired_versions,
    twin_of,
    unapplied_desired,
    view_of,
)

__all__ = [
    "changes_between",
    "delta_of",
    "desired_versions",
    "diff_of",
    "document_at",
    "drift_count",
    "drift_of",
    "long_drifts",
    "merge",
    "policy_of",
    "revision_of",
    "revisions_of",
    "twin_at",
    "twin_of",
    "unapplied_desired",
    "view_of",
]
