"""Which tenant a page acts for, and making another one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import selectors as accounts
from accounts.errors import TenantRequired
from accounts.selectors import TENANT_KEY
from accounts.services import tenants as service
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import people_forms, tenancy

View = Callable[..., HttpResponse]


def in_tenant(view: View) -> View:
    """Act in the tenant that the address or the form names; ask for one where the page needs it."""

    @wraps(view)
    def within(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        uid = request.POST.get("tenant") or request.GET.get("tenant") or ""
        if uid:
            request.actor = accounts.narrowed(request.signed_in, uid).actor
        request.tenant_uid = tenancy.uid_to_name(request.signed_in, request.actor)
        try:
            return view(request, *args, **kwargs)
        except TenantRequired:
            # An address that names something may be looked at; the others make something new.
            least = "viewer" if kwargs else "admin"
            context = {"choices": tenancy.choices_of(request.signed_in, least=least)}
            status = 200 if request.method in {"GET", "HEAD"} else TenantRequired.status
            return render(request, "ops/choose_tenant.html", context, status=status)

    return within


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_tenant(request: HttpRequest) -> HttpResponse:
    """Ask for a name; on POST make an organisation of the viewer's and show its people."""
    form = people_forms.TenantForm(posted(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = service.create_tenant(
                    name=form.cleaned_data["name"], actor=request.actor, now=timezone.now()
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                # Whoever makes one goes on in it.
                request.session[TENANT_KEY] = made.uid
                return redirect("ops:tenant-people", uid=made.uid)
    return render(request, "ops/new_tenant.html", {"form": form}, status=status)
