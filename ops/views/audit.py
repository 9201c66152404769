"""The audit log: the stream with its filters, one entry, and whether the chains hold."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit.services import watching
from exports.services.requesting import ExportOrder, request_export
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import audit_export, audit_trail, selectors
from ops.audit_forms import AuditFilterForm
from ops.views.tenants import in_tenant

_SHOWN = {
    "who": "Who",
    "action": "Action",
    "type": "About",
    "id": "Id",
    "request": "Request",
    "since": "From",
    "until": "Until",
    "scope": "Log",
}


@never_cache
@require_safe
@signed_in
def audit(request: HttpRequest) -> HttpResponse:
    """The stream of entries, the newest first, and what is known of the chains."""
    return _page(request)


@never_cache
@require_safe
@signed_in
def entry(request: HttpRequest, chain: str, seq: int) -> HttpResponse:
    """One entry with everything it says."""
    line = audit_trail.entry(actor=request.actor, found=request.signed_in, key=chain, seq=seq)
    return render(request, "ops/audit_entry.html", {"line": line, "is_open": True})


@require_POST
@signed_in
def verify(request: HttpRequest) -> HttpResponse:
    """Have the chains verified from the first entry on, by the next job."""
    key = request.POST.get("chain", "")
    wanted = [audit_trail.Names(request.signed_in).number(key)] if key else None
    watching.ask(chain_ids=wanted, actor=request.actor, now=timezone.now())
    return redirect("ops:audit")


@require_POST
@signed_in
@in_tenant
def export(request: HttpRequest) -> HttpResponse:
    """Ask for a file of the entries that the filters of the page find."""
    choice = {name: request.POST.get(name, "") for name in _SHOWN}
    order = ExportOrder(
        kind=audit_export.NAME,
        choice={name: value for name, value in choice.items() if value and value != "tenant"},
        file_format="ndjson" if request.POST.get("format") == "ndjson" else "csv",
    )
    try:
        request_export(order=order, actor=request.actor, now=timezone.now())
    except errors.HomepotError as error:
        if error.code == "tenant_required" or isinstance(error, errors.PermissionDenied):
            raise
        return _page(request, refused=sentence_of(error), status=error.status)
    return redirect("ops:exports")


def _page(request: HttpRequest, *, refused: str = "", status: int = 200) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    form = AuditFilterForm(given)
    after = given.get("after", "")
    stream = audit_trail.stream(
        actor=request.actor,
        found=request.signed_in,
        wanted=form.wanted(),
        after=int(after) if after.isdecimal() and len(after) < 19 else None,
    )
    chains = audit_trail.chains(actor=request.actor, found=request.signed_in)
    context = {
        "streams": json.dumps(selectors.streams(actor=request.actor)),
        "form": form,
        "stream": stream,
        "chains": chains,
        "is_newest": not after,
        "has_chains": len(chains) > 1,
        "has_platform": request.actor.is_platform_admin,
        "may_verify": any(chain.may_ask for chain in chains),
        "actions": sorted({line.action for line in stream.lines} | set(audit_trail.AREAS)),
        "active": _active(given),
        "refused": refused,
    }
    return render(request, "ops/audit.html", context, status=status)


def _active(given: Any) -> list[dict[str, str]]:
    """The filters in use, each with the address without it."""
    used = {name: given[name] for name in _SHOWN if given.get(name)}
    return [
        {
            "name": _SHOWN[name],
            "value": value,
            "without": _address({key: kept for key, kept in used.items() if key != name}),
        }
        for name, value in used.items()
    ]


def _address(query: dict[str, str]) -> str:
    page = reverse("ops:audit")
    return f"{page}?{urlencode(query)}" if query else page
