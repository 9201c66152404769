"""Bulk enrolment: a file is checked, started, followed, and its keys are taken away once."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices import selectors as devices
from devices.services import enrolling as service
from devices.services import enrolment_keys, enrolment_upload
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import places, selectors, site_forms, tenancy, wording
from ops.views.tenants import in_tenant


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def enrol(request: HttpRequest) -> HttpResponse:
    """The enrolments so far, and a form for another list; on POST check the list."""
    page = places.enrolments_page(actor=request.actor, number=request.GET.get("page", ""))
    form = None
    status = 200
    if request.method == "POST" or len(request.actor.roles) == 1:
        sites = places.sites_to_choose(actor=request.actor)
        form = site_forms.UploadForm(posted(request), request.FILES or None, sites=sites)
    if request.method == "POST" and form is not None:
        status = 400
        if form.is_valid():
            try:
                checked = enrolment_upload.check_file(
                    body=form.cleaned_data["file"].read(),
                    mode=form.cleaned_data["mode"] or "api_key",
                    site=form.cleaned_data["site"],
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return redirect("ops:enrolment", uid=checked.enrolment.uid)
    context = {
        "form": form,
        "page": page,
        "has_owners": len(request.actor.roles) > 1,
        "choices": tenancy.choices_of(request.signed_in, least="admin"),
    }
    return render(request, "ops/enrol.html", context, status=status)


@never_cache
@require_safe
@signed_in
def enrolment(request: HttpRequest, uid: str) -> HttpResponse:
    """One enrolment: the verdict on its rows, how far it is, what is left to do."""
    return _page(request, uid)


@never_cache
@require_POST
@signed_in
def start(request: HttpRequest, uid: str) -> HttpResponse:
    """Have the valid rows enrolled, and show the passphrase of their keys, this once."""
    try:
        started = service.start_enrolment(
            enrolment_uid=uid, actor=request.actor, now=timezone.now()
        )
    except errors.Conflict as error:
        return _page(request, uid, refused=error)
    context = {"enrolment": started.enrolment, "passphrase": started.passphrase}
    return render(request, "ops/enrolment_started.html", context)


@require_POST
@signed_in
def cancel(request: HttpRequest, uid: str) -> HttpResponse:
    """Enrol no further row; again changes nothing."""
    try:
        service.cancel_enrolment(enrolment_uid=uid, actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _page(request, uid, refused=error)
    return redirect("ops:enrolment", uid=uid)


@never_cache
@sensitive_post_parameters("passphrase")
@require_POST
@signed_in
def keys(request: HttpRequest, uid: str) -> HttpResponse:
    """Hand out the keys as an archive, once; a wrong passphrase is told on the page."""
    try:
        packed = enrolment_keys.download_keys(
            enrolment_uid=uid,
            passphrase=request.POST.get("passphrase", "")[:100],
            origin=settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/"),
            keep=_keep_nothing,
            actor=request.actor,
            now=timezone.now(),
        )
    except (errors.PermissionDenied, errors.Conflict, errors.RateLimited) as error:
        # Whose role is too low gets no page either: showing it is refused again.
        return _page(request, uid, refused=error)
    answer = HttpResponse(packed, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="enrolment-{uid}.zip"'
    return answer


def _keep_nothing(packed: bytes) -> None:
    """A browser that lost the answer renews the keys it lacks; nothing is stored for it."""


def _page(
    request: HttpRequest, uid: str, *, refused: errors.HomepotError | None = None
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    found = devices.enrolment_by_uid(actor=request.actor, uid=uid)
    state = request.GET.get("rows", "")
    if state not in wording.ROW_LABELS:
        state = ""
    context: dict[str, Any] = {
        "streams": json.dumps(streams),
        "enrolment": found,
        "standing": places.standing_of(found),
        "rows": places.rows_page(enrolment=found, state=state, number=request.GET.get("page", "")),
        "shown": state,
        "refused": refused.message if refused else "",
    }
    status = refused.status if refused else 200
    response = render(request, "ops/enrolment.html", context, status=status)
    if refused is not None and refused.retry_after is not None:
        response["Retry-After"] = str(refused.retry_after)
    return response
