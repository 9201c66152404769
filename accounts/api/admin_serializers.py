"""What the routes of platform administrators take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.choices import PlatformRole, TenantKind
from accounts.models import Tenant, User
from accounts.services.administration import TenantSearch, UserSearch


class UserQuery(serializers.Serializer[Any]):
    """Query parameters of the list of users."""

    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="In e-mail, name or uid."
    )
    is_active = serializers.BooleanField(required=False, allow_null=True)
    platform_role = serializers.ChoiceField(
        choices=PlatformRole.choices, required=False, allow_blank=True
    )

    def wanted(self) -> UserSearch:
        """The validated parameters for the service."""
        return UserSearch(**self.validated_data)


class TenantQuery(serializers.Serializer[Any]):
    """Query parameters of the list of tenants."""

    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="In name or uid."
    )
    kind = serializers.ChoiceField(choices=TenantKind.choices, required=False, allow_blank=True)

    def wanted(self) -> TenantSearch:
        """The validated parameters for the service."""
        return TenantSearch(**self.validated_data)


class AdminUserInput(serializers.Serializer[Any]):
    """A change of a user; what is left out stays."""

    platform_role = serializers.ChoiceField(choices=PlatformRole.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class AdminUserOutput(serializers.ModelSerializer[User]):
    """A user as administrators of the installation see them."""

    tenant_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = User
        fields = (
            "uid", "email", "display_name", "platform_role", "is_active", "date_joined",
            "erased_at", "tenant_count",
        )  # fmt: skip
        read_only_fields = fields


class AdminTenantOutput(serializers.ModelSerializer[Tenant]):
    """A tenant as administrators of the installation see it."""

    member_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Tenant
        fields = ("uid", "name", "kind", "created_at", "member_count")
        read_only_fields = fields
