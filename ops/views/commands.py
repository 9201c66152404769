"""Asking a device for something, and why a command is where it is."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commands.services import cancelling, previewing, requesting
from commands.types import Preview
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, sentence_of
from ops import all_commands as command_lists
from ops import ledger, selectors
from ops.payload_forms import PayloadForm, show_payload_refusal

# Refusals whose details are about what was typed.
_ABOUT_FORM = (400, 422)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def device_commands(request: HttpRequest, uid: str) -> HttpResponse:
    """What was asked of a device; on POST ask it for something, or tell what that would do."""
    if request.method == "POST":
        ledger.require_asker(actor=request.actor, uid=uid)
    streams = selectors.streams(actor=request.actor)
    shown = request.GET.get("show", "")
    page = ledger.commands_page(
        actor=request.actor,
        uid=uid,
        shown=shown,
        before=request.GET.get("before", ""),
        now=timezone.now(),
    )
    wanted = request.POST.get("kind") or request.GET.get("kind", "")
    kind = next((kind for kind in page.kinds if kind.name == wanted), None)
    form = None if kind is None else PayloadForm(posted(request), kind=kind)
    preview, status = None, 200
    if request.method == "POST":
        preview, made, status = (None, "", 400) if form is None else _asked(request, uid, form)
        if made:
            return redirect("ops:command", command_id=made)
    context = {
        "streams": json.dumps(streams),
        "page": page,
        "device": page.card,
        "shown": shown if shown in ledger.NARROWED else "",
        "kinds": [(kind.name, ledger.kind_title(kind)) for kind in page.kinds],
        "kind": kind,
        "form": form,
        "preview": preview,
    }
    return render(request, "ops/device_commands.html", context, status=status)


@never_cache
@require_safe
@signed_in
def all_commands(request: HttpRequest) -> HttpResponse:
    """The commands of all devices, newest first; the address narrows them."""
    streams = selectors.streams(actor=request.actor)
    chosen = command_lists.CommandFilter(request.GET).chosen()
    device_name = command_lists.device_of(actor=request.actor, chosen=chosen)
    context = {
        "streams": json.dumps(streams),
        "chosen": chosen,
        "device_name": device_name,
        "page": command_lists.commands_of_all(actor=request.actor, chosen=chosen),
    }
    return render(request, "ops/commands.html", context)


@require_safe
@signed_in
def command(request: HttpRequest, command_id: uuid.UUID) -> HttpResponse:
    """Why a command is where it is: what happened, what it waits for, what led to what."""
    return _sheet(request, command_id)


@require_POST
@signed_in
def cancel(request: HttpRequest, command_id: uuid.UUID) -> HttpResponse:
    """Take a command back, or ask its device to."""
    try:
        cancelling.cancel_command(command_uid=command_id, actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _sheet(request, command_id, refused=sentence_of(error), status=error.status)
    return redirect("ops:command", command_id=command_id)


def _asked(request: HttpRequest, uid: str, form: PayloadForm) -> tuple[Preview | None, str, int]:
    """What became of a posted form: a preview, or the command that was made, or neither."""
    if not form.is_valid():
        return None, "", 400
    wanted: dict[str, Any] = {
        "device_uid": uid,
        "kind": form.kind.name,
        "payload": form.payload(),
        **form.terms(),
        "actor": request.actor,
        "now": timezone.now(),
    }
    if request.POST.get("do") == "preview":
        preview = previewing.preview_command(**wanted)
        if preview.verdict == previewing.REFUSE:
            form.refuse(preview.message, preview.details if preview.status in _ABOUT_FORM else {})
            return None, "", 400
        return preview, "", 200
    try:
        return None, requesting.request_command(**wanted).id, 302
    except errors.HomepotError as error:
        return None, "", show_payload_refusal(form, error)


def _sheet(
    request: HttpRequest, command_id: uuid.UUID, *, refused: str = "", status: int = 200
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    sheet = ledger.command_sheet(actor=request.actor, uid=command_id, now=timezone.now())
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "refused": refused,
    }
    return render(request, "ops/command.html", context, status=status)
