"""What one device is set to, and the infrared codes it knows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from commands.services import requesting
from devices.services import config_editing
from infrared.services import codes as service
from infrared.types import IrCodeInput
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, sentence_of
from ops import collisions, documents, selectors, travels, twins
from ops import settings_sheets as sheets


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def config(request: HttpRequest, uid: str) -> HttpResponse:
    """What a device is set to, and whether it works by that; on POST set it otherwise."""
    if request.method != "POST":
        return _former(request, uid) if request.GET.get("version") else _config(request, uid)
    twins.require_editor(actor=request.actor, uid=uid)
    form = documents.DocumentForm(request.POST)
    if not form.is_valid():
        return _config(request, uid, form=form, status=400)
    try:
        config_editing.replace_config(
            device_uid=uid,
            document=form.cleaned_data["document"],
            if_match=form.cleaned_data["etag"] or None,
            actor=request.actor,
            now=timezone.now(),
        )
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.PreconditionFailed as error:
        collision = sheets.config_collision(
            actor=request.actor,
            uid=uid,
            etag=form.cleaned_data["etag"],
            yours=form.cleaned_data["document"],
        )
        return _config(request, uid, form=form, collision=collision, status=error.status)
    except errors.HomepotError as error:
        return _config(request, uid, form=form, refused=sentence_of(error), status=error.status)
    return redirect("ops:device-config", uid=uid)


@require_POST
@signed_in
def restore_config(request: HttpRequest, uid: str, version: int) -> HttpResponse:
    """Set a device as it was set before."""
    twins.require_editor(actor=request.actor, uid=uid)
    try:
        config_editing.restore_config(
            device_uid=uid,
            version=version,
            if_match=request.POST.get("etag") or None,
            actor=request.actor,
            now=timezone.now(),
        )
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _config(request, uid, refused=sentence_of(error), status=error.status)
    return redirect("ops:device-config", uid=uid)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def codes(request: HttpRequest, uid: str) -> HttpResponse:
    """The infrared codes of a device; on POST keep another one, given as Pronto hex."""
    form = sheets.CodeForm(posted(request))
    if request.method != "POST":
        return _codes(request, uid, form=form)
    twins.require_editor(actor=request.actor, uid=uid)
    if not form.is_valid():
        return _codes(request, uid, form=form, status=400)
    given = IrCodeInput(name=form.cleaned_data["name"], pronto=form.cleaned_data["pronto"])
    return _done(
        request,
        uid,
        form,
        lambda: service.create_code(
            device_uid=uid, given=given, actor=request.actor, now=timezone.now()
        ),
    )


@require_POST
@signed_in
def remove_code(request: HttpRequest, uid: str, code_id: uuid.UUID) -> HttpResponse:
    """Forget an infrared code."""
    return _done(
        request,
        uid,
        sheets.CodeForm(),
        lambda: service.remove_code(
            device_uid=uid, uid=code_id, actor=request.actor, now=timezone.now()
        ),
    )


@require_POST
@signed_in
def transmit_code(request: HttpRequest, uid: str, code_id: uuid.UUID) -> HttpResponse:
    """Have the device send a code."""
    return _ask(request, uid, "ir_transmit", {"code": str(code_id)})


@require_POST
@signed_in
def learn_code(request: HttpRequest, uid: str) -> HttpResponse:
    """Have the device listen for a code and keep it under a name."""
    twins.require_editor(actor=request.actor, uid=uid)
    form = sheets.LearnForm(request.POST)
    if not form.is_valid():
        problem = " ".join(map(str, form.errors["name"]))
        return _codes(request, uid, form=sheets.CodeForm(), refused=problem, status=400)
    return _ask(request, uid, "ir_learn", {"name": form.cleaned_data["name"]})


def _ask(request: HttpRequest, uid: str, kind: str, payload: dict[str, Any]) -> HttpResponse:
    try:
        command = requesting.request_command(
            device_uid=uid, kind=kind, payload=payload, actor=request.actor, now=timezone.now()
        )
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _codes(
            request, uid, form=sheets.CodeForm(), refused=sentence_of(error), status=error.status
        )
    return redirect("ops:command", command_id=command.id)


def _done(
    request: HttpRequest, uid: str, form: forms.Form, change: Callable[[], object]
) -> HttpResponse:
    try:
        change()
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _codes(request, uid, form=form, refused=sentence_of(error), status=error.status)
    return redirect("ops:device-codes", uid=uid)


def _config(
    request: HttpRequest,
    uid: str,
    *,
    form: documents.DocumentForm | None = None,
    collision: collisions.Collision | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    sheet = sheets.config_sheet(
        actor=request.actor,
        uid=uid,
        number=request.GET.get("page", ""),
        now=timezone.now(),
    )
    present = {"document": sheet.text, "etag": sheet.etag}
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "form": form or documents.DocumentForm(initial=present),
        "collision": collision,
        "refused": refused,
    }
    return render(request, "ops/device_config.html", context, status=status)


def _former(request: HttpRequest, uid: str) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    former = travels.former_config(
        actor=request.actor,
        uid=uid,
        at=request.GET["version"],
        other=request.GET.get("with", ""),
        now=timezone.now(),
    )
    context = {"streams": json.dumps(streams), "former": former, "device": former.card}
    return render(request, "ops/former_config.html", context)


def _codes(
    request: HttpRequest, uid: str, *, form: forms.Form, refused: str = "", status: int = 200
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    sheet = sheets.codes_sheet(actor=request.actor, uid=uid, now=timezone.now())
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "form": form,
        "refused": refused,
    }
    return render(request, "ops/device_codes.html", context, status=status)
