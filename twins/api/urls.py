"""Routes about twins, below /api/v1/."""

from django.urls import path

from twins.api import customer_views, revision_views, views

_TWIN = "devices/<str:uid>/twin"
_CUSTOMER = f"customer/{_TWIN}"

urlpatterns = [
    path("twin-policy", views.TwinPolicyView.as_view(), name="twin-policy"),
    path(_TWIN, views.DeviceTwinView.as_view(), name="twin"),
    path(f"{_TWIN}/desired", views.DesiredView.as_view(), name="twin-desired"),
    path(f"{_TWIN}/reported", views.ReportedView.as_view(), name="twin-reported"),
    path(f"{_TWIN}/delta", views.DeltaView.as_view(), name="twin-delta"),
    path(f"{_TWIN}/diff", views.DiffView.as_view(), name="twin-diff"),
    path(f"{_TWIN}/revisions", revision_views.RevisionsView.as_view(), name="twin-revisions"),
    path(f"{_TWIN}/revisions/<int:version>", views.RevisionView.as_view(), name="twin-revision"),
    path(
        f"{_TWIN}/revisions/<int:version>/restore",
        views.RestoreView.as_view(),
        name="twin-restore",
    ),
    path(_CUSTOMER, customer_views.CustomerTwinView.as_view(), name="customer-twin"),
    path(
        f"{_CUSTOMER}/desired",
        customer_views.CustomerDesiredView.as_view(),
        name="customer-twin-desired",
    ),
    path(
        f"{_CUSTOMER}/reported",
        customer_views.CustomerReportedView.as_view(),
        name="customer-twin-reported",
    ),
    path(
        f"{_CUSTOMER}/delta", customer_views.CustomerDeltaView.as_view(), name="customer-twin-delta"
    ),
    path(f"{_CUSTOMER}/diff", customer_views.CustomerDiffView.as_view(), name="customer-twin-diff"),
    path(
        f"{_CUSTOMER}/revisions",
        customer_views.CustomerRevisionsView.as_view(),
        name="customer-twin-revisions",
    ),
    path(
        f"{_CUSTOMER}/revisions/<int:version>",
        customer_views.CustomerRevisionView.as_view(),
        name="customer-twin-revision",
    ),
    path(
        f"{_CUSTOMER}/revisions/<int:version>/restore",
        customer_views.CustomerRestoreView.as_view(),
        name="customer-twin-restore",
    ),
]
