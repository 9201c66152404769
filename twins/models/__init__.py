"""Tables about twins."""

from twins.models.policy import DEFAULT_ALERT_AFTER_S, TwinPolicy
from twins.models.revision import TwinRevision
from twins.models.twin import Twin

__all__ = ["DEFAULT_ALERT_AFTER_S", "Twin", "TwinPolicy", "TwinRevision"]
