"""The closed sets of words that accounts store."""

from __future__ import annotations

from django.db import models


class PlatformRole(models.TextChoices):
    """What a user may do with the installation itself."""

    ADMIN = "admin", "Administrator"
    USER = "user", "User"


class TenantKind(models.TextChoices):
    """Whether a tenant is one person's own or shared."""

    PERSONAL = "personal", "Personal"
    ORGANISATION = "organisation", "Organisation"


class Role(models.TextChoices):
    """What a member may do inside a tenant, from most to least."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


class SessionKind(models.TextChoices):
    """How a session presents itself: with tokens, or with a cookie."""

    API = "api", "API"
    BROWSER = "browser", "Browser"


class EndReason(models.TextChoices):
    """Why a session ended."""

    LOGOUT = "logout", "Logged out"
    ENDED_BY_USER = "ended_by_user", "Ended by its user"
    ENDED_BY_ADMIN = "ended_by_admin", "Ended by an administrator"
    PASSWORD_CHANGED = "password_changed", "Password changed"
    REFRESH_REUSE = "refresh_reuse", "Refresh token used twice"
    USER_DEACTIVATED = "user_deactivated", "User deactivated"
    EXPIRED = "expired", "Not used for too long"
    ACCOUNT_ERASED = "account_erased", "Account erased"


class ErasureState(models.TextChoices):
    """Where the erasing of personal data is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
