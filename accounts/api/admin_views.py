"""Routes of platform administrators: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.admin_serializers import (
    AdminTenantOutput,
    AdminUserInput,
    AdminUserOutput,
    TenantQuery,
    UserQuery,
)
from accounts.models import User
from accounts.services import administration
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiRequest, ApiView

_PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]


def _page_of(name: str, item: type[serializers.BaseSerializer[Any]]) -> Any:
    return inline_serializer(
        name,
        {
            "items": item(many=True),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
        },
    )


class AdminUsersView(ApiView):
    """The users of the installation."""

    @extend_schema(
        operation_id="admin_user_list",
        tags=["admin"],
        summary="All users",
        parameters=[UserQuery, *_PAGING],
        responses=_page_of("AdminUserPage", AdminUserOutput),
    )
    def get(self, request: ApiRequest) -> Response:
        """Users of the installation, the newest first; the look is audited."""
        query = UserQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return administration.look_at_users(
            wanted=query.wanted(),
            take=lambda found: _shown(found, AdminUserOutput, request),
            actor=request.actor,
            now=timezone.now(),
        )


class AdminUserView(ApiView):
    """One user of the installation."""

    @extend_schema(
        operation_id="admin_user_get",
        tags=["admin"],
        summary="One user",
        responses=AdminUserOutput,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """A user of the installation; the look is audited."""
        return administration.look_at_user(
            user_uid=uid, take=_user_answer, actor=request.actor, now=timezone.now()
        )

    @extend_schema(
        operation_id="admin_user_update",
        tags=["admin"],
        summary="Change a user's role or shut them out",
        request=AdminUserInput,
        responses=AdminUserOutput,
        examples=[OpenApiExample("Shut out", value={"is_active": False}, request_only=True)],
    )
    def patch(self, request: ApiRequest, uid: str) -> Response:
        """Change the platform role, or deactivate: sessions and sockets end within 5 seconds."""
        body = AdminUserInput(data=request.data)
        body.is_valid(raise_exception=True)
        return administration.change_user(
            user_uid=uid,
            **body.validated_data,
            take=_user_answer,
            actor=request.actor,
            now=timezone.now(),
        )


class AdminTenantsView(ApiView):
    """The tenants of the installation."""

    @extend_schema(
        operation_id="admin_tenant_list",
        tags=["admin"],
        summary="All tenants",
        parameters=[TenantQuery, *_PAGING],
        responses=_page_of("AdminTenantPage", AdminTenantOutput),
    )
    def get(self, request: ApiRequest) -> Response:
        """Tenants of the installation, the newest first; the look is audited."""
        query = TenantQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return administration.look_at_tenants(
            wanted=query.wanted(),
            take=lambda found: _shown(found, AdminTenantOutput, request),
            actor=request.actor,
            now=timezone.now(),
        )


def _shown(found: Any, output: type[serializers.ModelSerializer[Any]], request: Any) -> Response:
    paginator = CursorPage()
    page = paginator.paginate_queryset(found, request) or []
    return paginator.get_paginated_response(output(page, many=True).data)


def _user_answer(user: User) -> Response:
    return Response(AdminUserOutput(user).data)
