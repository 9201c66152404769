"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from homepot import docs_page

urlpatterns = [
    path("api/v1/", include("homepot.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path(
        "api/docs/",
        docs_page.with_swagger_styles(SpectacularSwaggerSplitView.as_view(url_name="api-schema")),
        name="api-docs",
    ),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("ops.urls")),
    path("", include("household.urls")),
]
