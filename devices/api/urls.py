"""Routes about devices, below /api/v1/."""

from django.urls import path

from devices.api import (
    admin_views,
    config_views,
    connectivity_views,
    credential_views,
    enrolment_views,
    erasure_views,
    lifecycle_views,
    presence_views,
    provisioning_key_views,
    site_views,
    tag_views,
    transfer_views,
    views,
)

urlpatterns = [
    path("admin/devices", admin_views.AdminDevicesView.as_view(), name="admin-devices"),
    path("provision/register", views.ProvisionView.as_view(), name="provision-register"),
    path("provision/return", views.ReturnView.as_view(), name="provision-return"),
    path("devices", views.DevicesView.as_view(), name="devices"),
    path("devices/claim", views.ClaimView.as_view(), name="device-claim"),
    path("sites", site_views.SitesView.as_view(), name="sites"),
    path("sites/<str:site_id>", site_views.SiteDetailView.as_view(), name="site"),
    path(
        "devices/sites/<str:site_id>/devices",
        site_views.SiteDevicesView.as_view(),
        name="site-devices",
    ),
    path("devices/status", connectivity_views.StatusView.as_view(), name="device-statuses"),
    path("uptime", connectivity_views.UptimeView.as_view(), name="uptime"),
    path(
        "sites/<str:site_id>/uptime",
        connectivity_views.SiteUptimeView.as_view(),
        name="site-uptime",
    ),
    path(
        "sites/<str:site_id>/outages",
        connectivity_views.SiteOutagesView.as_view(),
        name="site-outages",
    ),
    path(
        "presence-policies",
        presence_views.PresencePoliciesView.as_view(),
        name="presence-policies",
    ),
    path(
        "presence-policies/<str:uid>",
        presence_views.PresencePolicyView.as_view(),
        name="presence-policy",
    ),
    path(
        "maintenance-windows",
        presence_views.MaintenanceWindowsView.as_view(),
        name="maintenance-windows",
    ),
    path(
        "maintenance-windows/<str:uid>",
        presence_views.MaintenanceWindowView.as_view(),
        name="maintenance-window",
    ),
    path("devices/self", credential_views.DeviceSelfView.as_view(), name="device-self"),
    path(
        "provisioning-keys",
        provisioning_key_views.ProvisioningKeysView.as_view(),
        name="provisioning-keys",
    ),
    path(
        "provisioning-keys/<str:uid>",
        provisioning_key_views.ProvisioningKeyView.as_view(),
        name="provisioning-key",
    ),
    path("enrolments", enrolment_views.EnrolmentsView.as_view(), name="enrolments"),
    path("enrolments/<str:uid>", enrolment_views.EnrolmentView.as_view(), name="enrolment"),
    path(
        "enrolments/<str:uid>/rows",
        enrolment_views.EnrolmentRowsView.as_view(),
        name="enrolment-rows",
    ),
    path(
        "enrolments/<str:uid>/start",
        enrolment_views.EnrolmentStartView.as_view(),
        name="enrolment-start",
    ),
    path(
        "enrolments/<str:uid>/keys",
        enrolment_views.EnrolmentKeysView.as_view(),
        name="enrolment-keys",
    ),
    path("devices/<str:uid>", views.DeviceView.as_view(), name="device"),
    path(
        "devices/<str:uid>/config",
        config_views.DeviceConfigView.as_view(),
        name="device-config",
    ),
    path(
        "devices/<str:uid>/config/revisions",
        config_views.DeviceConfigRevisionsView.as_view(),
        name="device-config-revisions",
    ),
    path(
        "devices/<str:uid>/config/restore",
        config_views.DeviceConfigRestoreView.as_view(),
        name="device-config-restore",
    ),
    path(
        "devices/self/config/applied",
        config_views.SelfConfigAppliedView.as_view(),
        name="device-self-config-applied",
    ),
    path("devices/<str:uid>/unpair", lifecycle_views.UnpairView.as_view(), name="device-unpair"),
    path("devices/<str:uid>/release", lifecycle_views.ReleaseView.as_view(), name="device-release"),
    path("devices/<str:uid>/lives", lifecycle_views.LivesView.as_view(), name="device-lives"),
    path(
        "devices/<str:uid>/rotate-token",
        credential_views.RotateTokenView.as_view(),
        name="device-rotate-token",
    ),
    path(
        "devices/<str:uid>/transfer",
        transfer_views.DeviceTransferView.as_view(),
        name="device-transfer",
    ),
    path("transfers", transfer_views.TransfersView.as_view(), name="transfers"),
    path("transfers/accept", transfer_views.TransferAcceptView.as_view(), name="transfer-accept"),
    path("transfers/<str:uid>", transfer_views.TransferView.as_view(), name="transfer"),
    path(
        "devices/<str:uid>/erase",
        erasure_views.DeviceErasureView.as_view(),
        name="device-erase",
    ),
    path("devices/<str:uid>/token", views.DeviceCredentialView.as_view(), name="device-token"),
    path(
        "devices/<str:uid>/input-events",
        views.InputEventsView.as_view(),
        name="device-input-events",
    ),
    path(
        "devices/<str:uid>/connections",
        connectivity_views.ConnectionsView.as_view(),
        name="device-connections",
    ),
    path(
        "customer/devices/<str:uid>/connections",
        connectivity_views.CustomerConnectionsView.as_view(),
        name="customer-device-connections",
    ),
    path("tags", tag_views.TagsView.as_view(), name="tags"),
    path("devices/<str:uid>/tags", tag_views.DeviceTagsView.as_view(), name="device-tags"),
    path(
        "devices/<str:uid>/uptime",
        connectivity_views.DeviceUptimeView.as_view(),
        name="device-uptime",
    ),
]
