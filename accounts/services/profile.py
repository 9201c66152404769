"""What users change about themselves."""

from __future__ import annotations

from datetime import datetime

from accounts import selectors
from accounts.models import User
from accounts.services import registration, tenancy
from audit.services import recording
from kernel import errors
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work


@unit_of_work()
def update_profile(*, display_name: str, actor: Actor, now: datetime) -> User:
    """Change the actor's own display name; raises ValidationFailed."""
    if actor.user_id is None:
        raise errors.NotAuthenticated
    name = registration.require_name(display_name)
    user = selectors.user_by_id(actor.user_id)
    if user.display_name == name:
        return user
    before, user.display_name = user.display_name, name
    user.save(update_fields=["display_name"])
    recording.record(
        tenant_id=tenancy.home_of(user.pk),
        action="accounts.user.updated",
        actor=actor,
        target_type="user",
        target_id=user.uid,
        before={"display_name": before},
        after={"display_name": name},
        now=now,
    )
    return user
