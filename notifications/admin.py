"""Channels and what became of what was told over them; secrets and addresses stay where they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kernel.admin import deeds, scope
from kernel.admin.base import Figure, ReadOnlyAdmin
from kernel.admin.deeds import Deed, Doing
from notifications.models import Change, Channel, Delivery, Notice
from notifications.services import channels


class _SharedOnly(ReadOnlyAdmin):
    """What is a member's own is nobody else's, but for who runs the platform."""

    site_path = None
    own = "channel__user"

    def visible(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Of the tenant's channels, not of its members' own."""
        found = super().visible(rows, request)
        if scope.runs_platform(request):
            return found
        return found.filter(**{f"{self.own}__isnull": True})


@admin.register(Channel)
class ChannelAdmin(_SharedOnly):
    """Receivers. The address of a webhook may be a secret in itself: only its host is shown."""

    own = "user"
    hidden = ("url",)
    list_display = (
        "uid", "name", "tenant", "transport", "host", "state", "state_reason", "failing_since",
    )  # fmt: skip
    list_display_links = ("uid", "name")
    list_filter = ("transport", "state", ("failing_since", admin.EmptyFieldListFilter))
    search_fields = ("uid", "name", "tenant__name")
    audited_as = ("notification_channel", "uid")
    figures = (
        Figure(
            label="Channels failing",
            narrow=lambda rows, now: rows.filter(failing_since__isnull=False),
            query="failing_since__isempty=0",
            tone="warn",
        ),
    )

    @admin.display(description="Receiver")
    def host(self, row: Any) -> str:
        """The host of a webhook; the address of mail."""
        return urlsplit(row.url).hostname or "–" if row.url else row.email or "their own address"


@admin.register(Delivery)
class DeliveryAdmin(_SharedOnly):
    """Messages and how often each was tried."""

    list_display = (
        "uid", "channel", "owner", "purpose", "state", "attempts", "last_status", "created_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("state", "purpose", "created_at")
    search_fields = ("uid", "channel__uid")
    figures = (
        Figure(
            label="Messages given up",
            narrow=lambda rows, now: rows.filter(state="dead"),
            query="state__exact=dead",
            tone="warn",
        ),
    )


@admin.register(Notice)
class NoticeAdmin(_SharedOnly):
    """Changes as they concern channels."""

    list_display = ("uid", "channel", "owner", "kind", "state", "state_reason", "at", "due_at")
    list_filter = ("kind", "state", "at")
    search_fields = ("uid", "channel__uid")


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    """What happened and is not yet looked at."""

    list_display = ("id", "owner", "kind", "is_online", "count", "total", "at")
    list_filter = ("kind", "at")


def _test(row: Any, doing: Doing) -> str:
    channels.send_test(channel_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"A test message for {row.name or row.uid} is on its way."


deeds.register(
    Deed(
        model="notifications.channel",
        name="test",
        label="Send a test",
        told="A message that says that it is a test.",
        act=deeds.each(_test),
        most=5,
        applies=lambda row: row.state == "active" and row.user_id is None,
    )
)
