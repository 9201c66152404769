"""What a browser needs to keep the app on its home screen: manifest, service worker, offline page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from household import offline


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """How the app is called and drawn where it is installed."""
    answer = JsonResponse(offline.manifest(static), json_dumps_params={"ensure_ascii": False})
    answer["Content-Type"] = "application/manifest+json"
    answer["Cache-Control"] = "public, max-age=3600"
    return answer


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that answers for the shell of the app when the server cannot."""
    answer = HttpResponse(offline.worker(static), content_type="text/javascript")
    # A browser asks again at every visit, so that a new version is found at once.
    answer["Cache-Control"] = "no-cache"
    answer["Service-Worker-Allowed"] = "/app"
    return answer


@require_safe
def offline_page(request: HttpRequest) -> HttpResponse:
    """What is true without the server: how things stood when it was last heard, nothing to press."""
    answer = render(request, "household/offline.html")
    answer["Cache-Control"] = "no-cache"
    return answer
