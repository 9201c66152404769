"""DRF permission classes about who is there at all; what they may do is the services' matter."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kernel.actors import Actor


def actor_of(request: Request) -> Actor | None:
    """The actor that authentication found, or None."""
    actor = getattr(request, "auth", None)
    return actor if isinstance(actor, Actor) else None


class IsAuthenticated(BasePermission):
    """Lets signed-in users in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True when authentication found a user."""
        actor = actor_of(request)
        return actor is not None and actor.kind == "user"


class IsDevice(BasePermission):
    """Lets devices in that showed their key."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True when authentication found a device."""
        actor = actor_of(request)
        return actor is not None and actor.kind == "device"


class IsAnyone(BasePermission):
    """Lets everybody in; the view's service decides by what they present."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True."""
        return True
