"""Files that people take home: asked for, watched, fetched and removed."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exports.choices import FileFormat
from exports.services import fetching, requesting
from exports.services.requesting import ExportOrder
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.downloads import attachment
from kernel.pages.refusals import sentence_of
from ops import device_columns, device_export, device_list, export_rows, forms, selectors, tenancy
from ops.views.tenants import in_tenant


@never_cache
@require_safe
@signed_in
def exports_page(request: HttpRequest) -> HttpResponse:
    """The viewer's files, newest first."""
    streams = selectors.streams(actor=request.actor)
    rows = export_rows.rows(actor=request.actor)
    context = {"streams": json.dumps(streams), "exports": rows, "kept_for": requesting.KEPT_FOR}
    return render(request, "ops/exports.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def export_devices(request: HttpRequest) -> HttpResponse:
    """Ask how the list is to be written; on POST have the file made."""
    given = request.POST if request.method == "POST" else request.GET
    choice = forms.filter_of(forms.DeviceFilter(given).chosen())
    columns = given.getlist("column") or given.get("columns", "").split(",")
    context: dict[str, Any] = {
        "choice": choice,
        "told": forms.told(choice),
        "columns": device_columns.CHOOSABLE,
        "chosen_columns": device_export.columns_for(columns),
        "tenants": tenancy.choices_of(getattr(request, "signed_in", None)),
        "refused": "",
    }
    status = 200
    try:
        if request.method == "POST":
            requesting.request_export(
                order=_order(request, choice, context["chosen_columns"]),
                actor=request.actor,
                now=timezone.now(),
            )
            return redirect("ops:exports")
        with device_list.bounded():
            found = device_list.matching(request.actor, choice)
            context["total"] = found.select_related(None).order_by().count()
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        if error.code == "tenant_required":
            raise
        context["refused"], status = sentence_of(error), error.status
    return render(request, "ops/export_devices.html", context, status=status)


@require_safe
@signed_in
def export_file(request: HttpRequest, uid: str) -> Any:
    """The file itself."""
    try:
        file = fetching.fetch(uid=uid, actor=request.actor, now=timezone.now())
    except errors.Conflict:
        return redirect("ops:exports")
    return attachment(file.pieces, name=file.name, media_type=file.media_type)


@require_POST
@signed_in
def remove_export(request: HttpRequest, uid: str) -> HttpResponse:
    """Give a file up."""
    requesting.remove_export(uid=uid, actor=request.actor, now=timezone.now())
    return redirect("ops:exports")


def _order(request: HttpRequest, choice: dict[str, str], columns: list[str]) -> ExportOrder:
    is_lines = request.POST.get("format") == FileFormat.NDJSON
    return ExportOrder(
        kind=device_export.KIND,
        choice=choice,
        columns=columns,
        file_format=FileFormat.NDJSON if is_lines else FileFormat.CSV,
        has_bom=bool(request.POST.get("bom")),
    )
