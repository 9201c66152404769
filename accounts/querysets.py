"""Filters over sessions, tokens and tickets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.models import LoginSession, User  # noqa: F401  named in a string below


class LoginSessionQuerySet(models.QuerySet["LoginSession"]):
    """Sessions belong to a user; whoever reads them narrows to one."""

    def live(self) -> Self:
        """Sessions that have not ended and whose user is active."""
        return self.filter(ended_at__isnull=True, user__is_active=True)

    def of(self, user_id: int | None) -> Self:
        """Sessions of one user; none without one."""
        return self.none() if user_id is None else self.filter(user_id=user_id)

    def idle_since(self, moment: datetime) -> Self:
        """Sessions not ended, last used before that moment."""
        return self.filter(ended_at__isnull=True, last_used_at__lt=moment)


class UserManager(models.Manager["User"]):
    """Finds users by e-mail address as Django's login machinery asks for it."""

    def get_by_natural_key(self, email: Any) -> User:
        """The user with that e-mail address, in whatever case it is given."""
        return self.get(email=str(email).strip().lower())
