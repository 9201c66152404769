"""Reads about payloads that could not be used."""

from __future__ import annotations

from django.db.models import QuerySet

from kernel import errors
from kernel.actors import Actor
from telemetry.models import SetAsidePayload


def set_aside_visible_to(
    actor: Actor, *, device_uid: str = "", reason: str = ""
) -> QuerySet[SetAsidePayload]:
    """Payloads the actor may see, of one device or for one reason where asked for."""
    wanted = {"device_uid": device_uid, "reason": reason}
    found: QuerySet[SetAsidePayload] = SetAsidePayload.objects.visible_to(actor).filter(
        **{name: value for name, value in wanted.items() if value}
    )
    return found


def set_aside_by_uid(*, actor: Actor, uid: str) -> SetAsidePayload:
    """The payload, if the actor may see it. Raises NotFound."""
    found = set_aside_visible_to(actor).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return found


def set_aside_reasons_of(actor: Actor) -> list[str]:
    """For which reasons something was set aside that the actor may see, in order of name."""
    found = SetAsidePayload.objects.visible_to(actor).order_by("reason")
    return list(found.values_list("reason", flat=True).distinct())
