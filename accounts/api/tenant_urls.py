"""Routes under /api/v1/ about tenants, their members and invitations."""

from __future__ import annotations

from django.urls import path

from accounts.api import invitation_views, tenant_views

_TENANT = "tenants/<str:uid>"

urlpatterns = [
    path("tenants", tenant_views.TenantsView.as_view(), name="tenants"),
    path(_TENANT, tenant_views.TenantView.as_view(), name="tenant"),
    path(f"{_TENANT}/leave", tenant_views.LeaveView.as_view(), name="tenant-leave"),
    path(f"{_TENANT}/hand-over", tenant_views.HandOverView.as_view(), name="tenant-hand-over"),
    path(f"{_TENANT}/members", tenant_views.MembersView.as_view(), name="tenant-members"),
    path(
        f"{_TENANT}/members/<str:user_uid>",
        tenant_views.MemberView.as_view(),
        name="tenant-member",
    ),
    path(
        f"{_TENANT}/invitations",
        invitation_views.InvitationsView.as_view(),
        name="tenant-invitations",
    ),
    path(
        f"{_TENANT}/invitations/<str:invitation_uid>",
        invitation_views.InvitationView.as_view(),
        name="tenant-invitation",
    ),
    path("invitations/preview", invitation_views.PreviewView.as_view(), name="invitation-preview"),
    path("invitations/accept", invitation_views.AcceptView.as_view(), name="invitation-accept"),
]
