"""Every route below /api/v1/."""

from django.urls import include, path

urlpatterns = [
    path("auth/", include("accounts.api.urls")),
    path("", include("accounts.api.admin_urls")),
    path("", include("accounts.api.tenant_urls")),
    path("", include("devices.api.urls")),
    path("", include("relays.api.urls")),
    path("", include("commands.api.urls")),
    path("", include("telemetry.api.urls")),
    path("", include("audit.api.urls")),
]
