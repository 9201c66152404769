"""Routes about groups, below /api/v1/."""

from django.urls import path

from groups.api import member_views, tag_views, views

urlpatterns = [
    path("device-groups", views.GroupsView.as_view(), name="device-groups"),
    path("device-groups/dynamic", views.DynamicGroupsView.as_view(), name="device-groups-dynamic"),
    path(
        "customer/device-groups/dynamic",
        views.CustomerDynamicGroupsView.as_view(),
        name="customer-device-groups-dynamic",
    ),
    path("device-groups/preview", views.PreviewView.as_view(), name="device-groups-preview"),
    path("device-groups/suggest", views.SuggestView.as_view(), name="device-groups-suggest"),
    path("device-groups/<str:uid>", views.GroupView.as_view(), name="device-group"),
    path("device-groups/<str:uid>/count", views.CountView.as_view(), name="device-group-count"),
    path(
        "device-groups/<str:uid>/members",
        member_views.MembersView.as_view(),
        name="device-group-members",
    ),
    path(
        "device-groups/<str:uid>/members.csv",
        member_views.MembersFileView.as_view(),
        name="device-group-members-file",
    ),
    path(
        "device-groups/<str:uid>/why/<str:device_uid>",
        views.WhyView.as_view(),
        name="device-group-why",
    ),
    path(
        "device-groups/<str:uid>/journal", views.JournalView.as_view(), name="device-group-journal"
    ),
    path("devices/<str:uid>/groups", views.DeviceGroupsView.as_view(), name="device-groups-of"),
    path("tags/bulk", tag_views.TagsBulkView.as_view(), name="tags-bulk"),
    path("tags/rename", tag_views.TagRenameView.as_view(), name="tags-rename"),
]
