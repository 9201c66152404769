"""Routes about presence policies and maintenance windows: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.connectivity_serializers import (
    MaintenanceEdit,
    MaintenanceInput,
    MaintenanceOutput,
    PresencePolicyEdit,
    PresencePolicyInput,
    PresencePolicyOutput,
)
from devices.models import MaintenanceWindow, PresencePolicy
from devices.services import maintenance, policies
from kernel.api.views import ApiView


class PresencePoliciesView(ApiView, generics.ListAPIView[PresencePolicy]):
    """How long devices may be silent, by class."""

    serializer_class = PresencePolicyOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[PresencePolicy]:
        """Policies the caller manages."""
        if getattr(self, "swagger_fake_view", False):
            return PresencePolicy.objects.none()
        return selectors.presence_policies_visible_to(self.request.actor)

    @extend_schema(operation_id="presence_policy_list", tags=["presence"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the policies of presence."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="presence_policy_create",
        tags=["presence"],
        request=PresencePolicyInput,
        responses={201: PresencePolicyOutput},
        examples=[
            OpenApiExample(
                "Quick terminals",
                value={"device_class": "pos_terminal", "offline_after_s": 30},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Say how long devices of a class may be silent before they count as offline."""
        body = PresencePolicyInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = policies.create_policy(
            **body.validated_data, actor=request.actor, now=timezone.now()
        )
        return Response(PresencePolicyOutput(made).data, status=status.HTTP_201_CREATED)


class PresencePolicyView(ApiView):
    """One policy of presence."""

    @extend_schema(
        operation_id="presence_policy_get", tags=["presence"], responses=PresencePolicyOutput
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show a policy."""
        policy = selectors.presence_policy_by_uid(actor=request.actor, uid=uid)
        return Response(PresencePolicyOutput(policy).data)

    @extend_schema(
        operation_id="presence_policy_update",
        tags=["presence"],
        request=PresencePolicyEdit,
        responses=PresencePolicyOutput,
        examples=[OpenApiExample("Two minutes", value={"offline_after_s": 120}, request_only=True)],
    )
    def patch(self, request: Request, uid: str) -> Response:
        """Change how long; it holds for all its devices at once."""
        body = PresencePolicyEdit(data=request.data)
        body.is_valid(raise_exception=True)
        policy = policies.update_policy(
            policy_uid=uid, **body.validated_data, actor=request.actor, now=timezone.now()
        )
        return Response(PresencePolicyOutput(policy).data)

    @extend_schema(
        operation_id="presence_policy_delete",
        tags=["presence"],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Have the installation's default again."""
        policies.delete_policy(policy_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class MaintenanceWindowsView(ApiView, generics.ListAPIView[MaintenanceWindow]):
    """Times in which absence is no fault."""

    serializer_class = MaintenanceOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[MaintenanceWindow]:
        """Windows the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return MaintenanceWindow.objects.none()
        return selectors.maintenance_windows_visible_to(self.request.actor)

    @extend_schema(operation_id="maintenance_window_list", tags=["presence"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List maintenance windows, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="maintenance_window_create",
        tags=["presence"],
        request=MaintenanceInput,
        responses={201: MaintenanceOutput},
        examples=[
            OpenApiExample(
                "A night",
                value={
                    "starts_at": "2026-11-21T22:00:00Z",
                    "ends_at": "2026-11-22T04:00:00Z",
                    "reason": "New switches",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Announce maintenance of a device, a site, or with neither of everything."""
        body = MaintenanceInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = maintenance.create_window(**body.wanted(), actor=request.actor, now=timezone.now())
        return Response(MaintenanceOutput(made).data, status=status.HTTP_201_CREATED)


class MaintenanceWindowView(ApiView):
    """One maintenance window."""

    @extend_schema(
        operation_id="maintenance_window_get", tags=["presence"], responses=MaintenanceOutput
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show a maintenance window."""
        window = selectors.maintenance_window_by_uid(actor=request.actor, uid=uid)
        return Response(MaintenanceOutput(window).data)

    @extend_schema(
        operation_id="maintenance_window_update",
        tags=["presence"],
        request=MaintenanceEdit,
        responses=MaintenanceOutput,
        examples=[OpenApiExample("Say why", value={"reason": "New router"}, request_only=True)],
    )
    def patch(self, request: Request, uid: str) -> Response:
        """Change its start, end or reason."""
        body = MaintenanceEdit(data=request.data)
        body.is_valid(raise_exception=True)
        window = maintenance.update_window(
            window_uid=uid, changes=body.validated_data, actor=request.actor, now=timezone.now()
        )
        return Response(MaintenanceOutput(window).data)

    @extend_schema(
        operation_id="maintenance_window_delete",
        tags=["presence"],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Take a window back, as if it had never been agreed."""
        maintenance.delete_window(window_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
