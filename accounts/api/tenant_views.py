"""Tenants and their members over the API. The path names the tenant, whatever X-Tenant says."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.api import tenant_examples as examples
from accounts.api import tenant_serializers as serializers
from accounts.services import members, tenants
from kernel.api.views import ApiRequest, ApiView


class TenantsView(ApiView):
    """The caller's tenants."""

    # A counted try must stay counted although making a tenant is refused.
    commits_on_refusal = True

    @extend_schema(
        operation_id="tenants_list",
        tags=["tenants"],
        summary="My tenants",
        responses={200: serializers.TenantList},
    )
    def get(self, request: ApiRequest) -> Response:
        """All tenants I belong to, and what I am there."""
        found = tenants.list_tenants(actor=request.actor)
        return Response(serializers.TenantList({"items": found}).data)

    @extend_schema(
        operation_id="tenants_create",
        tags=["tenants"],
        summary="Make an organisation",
        request=serializers.TenantInput,
        examples=examples.NAMED,
        responses={201: serializers.TenantOutput},
    )
    def post(self, request: ApiRequest) -> Response:
        """Make an organisation that I own."""
        body = serializers.TenantInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = tenants.create_tenant(**body.validated_data, actor=request.actor, now=timezone.now())
        return Response(serializers.TenantOutput(made).data, status=status.HTTP_201_CREATED)


class TenantView(ApiView):
    """One tenant of the caller's."""

    @extend_schema(
        operation_id="tenants_show",
        tags=["tenants"],
        summary="One of my tenants",
        responses={200: serializers.TenantOutput},
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """The tenant, and what I am there."""
        found = tenants.show_tenant(tenant_uid=uid, actor=request.actor)
        return Response(serializers.TenantOutput(found).data)

    @extend_schema(
        operation_id="tenants_rename",
        tags=["tenants"],
        summary="Rename a tenant",
        request=serializers.TenantInput,
        examples=examples.NAMED,
        responses={200: serializers.TenantOutput},
    )
    def patch(self, request: ApiRequest, uid: str) -> Response:
        """Give it another name; for administrators of the tenant."""
        body = serializers.TenantInput(data=request.data)
        body.is_valid(raise_exception=True)
        renamed = tenants.rename_tenant(
            tenant_uid=uid, **body.validated_data, actor=request.actor, now=timezone.now()
        )
        return Response(serializers.TenantOutput(renamed).data)


class LeaveView(ApiView):
    """Leave a tenant."""

    @extend_schema(
        operation_id="tenants_leave",
        tags=["tenants"],
        summary="Leave a tenant",
        request=None,
        responses={204: None},
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """End my membership; the last owner hands over first (409 `last_owner`)."""
        members.leave_tenant(tenant_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class HandOverView(ApiView):
    """Hand a tenant over."""

    @extend_schema(
        operation_id="tenants_hand_over",
        tags=["tenants"],
        summary="Hand a tenant over",
        request=serializers.HandOverInput,
        examples=examples.HAND_OVER,
        responses={200: serializers.TenantOutput},
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """Make another member the owner in my place; I stay as an administrator."""
        body = serializers.HandOverInput(data=request.data)
        body.is_valid(raise_exception=True)
        kept = members.hand_over_tenant(
            tenant_uid=uid,
            user_uid=body.validated_data["user"],
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(serializers.TenantOutput(kept).data)


class MembersView(ApiView):
    """Who belongs to a tenant."""

    @extend_schema(
        operation_id="members_list",
        tags=["tenants"],
        summary="Members of a tenant",
        responses={200: serializers.MemberList},
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """All members; addresses and sites of others are told to administrators only."""
        found = members.list_members(tenant_uid=uid, actor=request.actor)
        return Response(serializers.MemberList({"items": found}).data)


class MemberView(ApiView):
    """One member of a tenant."""

    @extend_schema(
        operation_id="members_change",
        tags=["tenants"],
        summary="Change a member",
        request=serializers.MemberInput,
        examples=examples.MEMBER,
        responses={200: serializers.MemberOutput},
    )
    def patch(self, request: ApiRequest, uid: str, user_uid: str) -> Response:
        """Give them another role or limit them to sites; nobody gives more than they have."""
        body = serializers.MemberInput(data=request.data)
        body.is_valid(raise_exception=True)
        changed = members.change_member(
            tenant_uid=uid,
            user_uid=user_uid,
            role=body.validated_data.get("role"),
            limit=body.limit(),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(serializers.MemberOutput(changed).data)

    @extend_schema(
        operation_id="members_remove",
        tags=["tenants"],
        summary="Remove a member",
        responses={204: None},
    )
    def delete(self, request: ApiRequest, uid: str, user_uid: str) -> Response:
        """End the membership: at once for requests, within 5 seconds for open sockets."""
        members.remove_member(
            tenant_uid=uid, user_uid=user_uid, actor=request.actor, now=timezone.now()
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
