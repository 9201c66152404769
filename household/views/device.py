"""One device: its page, its name and room, and the end of its life here."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.services import editing, tagging, unpairing
from devices.services.tagging import TagEdit
from devices.types import DeviceChanges
from household import forms, rooms, sheets
from household.views.pages import begin
from kernel import errors
from kernel.actors import Actor
from kernel.pages.access import signed_in
from kernel.pages.refusals import show_refusal


@require_safe
@signed_in
def device(request: HttpRequest, uid: str) -> HttpResponse:
    """Show a device; one whose life has ended as what it was."""
    return _page(request, uid)


@require_POST
@signed_in
def edit(request: HttpRequest, uid: str) -> HttpResponse:
    """Give a device another name and another room."""
    name, room = forms.NameForm(request.POST), forms.RoomForm(request.POST)
    status = 400
    if name.is_valid() and room.is_valid():
        try:
            # The room may be refused, the name not any more: a refusal leaves both as they were.
            put_in_room(uid=uid, room=room.chosen(), actor=request.actor)
            rename(uid=uid, name=name.cleaned_data["name"], actor=request.actor)
        except errors.HomepotError as error:
            status = show_refusal(name, error)
        else:
            return redirect("household:device", uid=uid)
    sheets.managed_sheet(actor=request.actor, uid=uid, now=timezone.now(), least="operator")
    return _page(request, uid, status=status, name_form=name, room_form=room)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def unpair(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what becomes of the history; on POST end the life and show what is kept of it."""
    if request.method == "POST":
        ended = unpairing.unpair_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return redirect("household:device", uid=ended.uid)
    context = begin(request)
    found = sheets.managed_sheet(actor=request.actor, uid=uid, now=timezone.now())
    return render(request, "household/unpair.html", context | {"sheet": found})


def rename(*, uid: str, name: str, actor: Actor) -> None:
    """Call a device otherwise. Raises as the service does."""
    editing.update_device(
        device_uid=uid, changes=DeviceChanges(name=name), actor=actor, now=timezone.now()
    )


def put_in_room(*, uid: str, room: str, actor: Actor) -> None:
    """Put a device in a room, or with an empty one in none. Raises as the service does."""
    edit_ = TagEdit(add=[rooms.tag_of(room)]) if room else TagEdit(remove=[rooms.KEY])
    tagging.change_tags_of(device_uid=uid, edit=edit_, actor=actor, now=timezone.now())


def _page(request: HttpRequest, uid: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = begin(request)
    found = sheets.sheet(actor=request.actor, uid=uid, now=timezone.now())
    return render(
        request, "household/device.html", context | {"sheet": found} | more, status=status
    )
