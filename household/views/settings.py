"""What the viewer is told of, and how the app is for them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.services import preferences
from household import families, forms, telling
from household.views.pages import begin, within
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal

_OFFERED = frozenset(topic for topic, _ in forms.TOPICS)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def notifications(request: HttpRequest) -> HttpResponse:
    """What the viewer is told by mail; on POST as they choose it."""
    home, actor = within(request, request.POST.get("home", "") or request.GET.get("home", ""))
    found = telling.telling(actor=actor)
    form = forms.TellForm(posted(request), initial=dict(found.shown))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                telling.choose(
                    given=form.cleaned_data, offered=_OFFERED, actor=actor, now=timezone.now()
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return redirect(f"{request.path}?home={home.uid}&saved=1")
    context = begin(request) | {
        "home": home,
        "homes": families.homes_of(request.signed_in),
        "telling": found,
        "form": form,
        "topics": forms.TOPICS,
        "holds": forms.HOLDS,
        "is_saved": request.GET.get("saved") == "1",
    }
    return render(request, "household/notifications.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def settings(request: HttpRequest) -> HttpResponse:
    """Theme, first page and whose devices are shown; on POST the first page."""
    if request.method == "POST":
        start = "app" if request.POST.get("start_page") == "app" else "dashboard"
        preferences.merge_preferences(
            patch={"dashboard_settings": {"start_page": start}},
            if_match=None,
            actor=request.actor,
            now=timezone.now(),
        )
        return redirect(f"{request.path}?saved=1")
    kept = preferences.read_preferences(actor=request.actor).members
    context = begin(request) | {
        "starts_here": kept.get("dashboard_settings", {}).get("start_page") == "app",
        "homes": families.homes_of(request.signed_in),
        "is_saved": request.GET.get("saved") == "1",
    }
    return render(request, "household/settings.html", context)
