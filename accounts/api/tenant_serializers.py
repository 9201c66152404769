"""What the routes about tenants, members and invitations take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.choices import Role, TenantKind
from accounts.services.invitations import DEFAULT_DAYS, MAX_DAYS
from accounts.services.tenants import MAX_NAME_LENGTH
from accounts.types import SiteLimit


def _sites(help_text: str, **options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=64), allow_null=True, help_text=help_text, **options
    )


class TenantInput(serializers.Serializer[Any]):
    """The name of a tenant."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH)


class TenantOutput(serializers.Serializer[Any]):
    """A tenant as the caller sees it."""

    uid = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=TenantKind.choices)
    role = serializers.ChoiceField(choices=Role.choices, help_text="The caller's.")
    sites = _sites("Sites the caller is limited to; null for none.")
    is_my_personal = serializers.BooleanField()
    member_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class TenantList(serializers.Serializer[Any]):
    """All tenants of the caller."""

    items = TenantOutput(many=True)


class MemberInput(serializers.Serializer[Any]):
    """What to change about a member; what is left out stays."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    sites = _sites("Sites to limit them to; null for no limit.", required=False, max_length=500)

    def limit(self) -> SiteLimit | None:
        """The limit that was given, if one was."""
        given = self.validated_data
        return limit_of(given["sites"]) if "sites" in given else None


class MemberOutput(serializers.Serializer[Any]):
    """A member of a tenant."""

    uid = serializers.CharField()
    email = serializers.EmailField(allow_null=True, help_text="Null below the role admin.")
    display_name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    sites = _sites("Sites they are limited to; null for none, and below the role admin.")
    is_me = serializers.BooleanField()
    is_permanent = serializers.BooleanField(help_text="It is their personal tenant.")
    joined_at = serializers.DateTimeField()


class MemberList(serializers.Serializer[Any]):
    """All members of a tenant."""

    items = MemberOutput(many=True)


class HandOverInput(serializers.Serializer[Any]):
    """The member who becomes the owner."""

    user = serializers.CharField(max_length=16, help_text="Uid of a member.")


class InvitationInput(serializers.Serializer[Any]):
    """An invitation to be."""

    role = serializers.ChoiceField(choices=Role.choices)
    email = serializers.EmailField(
        max_length=254,
        required=False,
        allow_blank=True,
        default="",
        help_text="Only the user with this address may accept.",
    )
    sites = _sites("Sites to limit them to.", required=False, default=None, max_length=500)
    valid_days = serializers.IntegerField(
        min_value=1, max_value=MAX_DAYS, required=False, default=DEFAULT_DAYS
    )


class InvitationOutput(serializers.Serializer[Any]):
    """An invitation that can still be accepted."""

    uid = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices)
    sites = _sites("Sites they will be limited to; null for none.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class IssuedInvitationOutput(InvitationOutput):
    """A new invitation; token and address are shown this once."""

    token = serializers.CharField()
    url = serializers.CharField()


class InvitationList(serializers.Serializer[Any]):
    """All open invitations of a tenant."""

    items = InvitationOutput(many=True)


class TokenInput(serializers.Serializer[Any]):
    """The token of an invitation's link."""

    token = serializers.CharField(max_length=100, write_only=True)


class PreviewOutput(serializers.Serializer[Any]):
    """What a valid link offers."""

    tenant_name = serializers.CharField()
    tenant_kind = serializers.ChoiceField(choices=TenantKind.choices)
    role = serializers.ChoiceField(choices=Role.choices)
    sites = _sites("Sites you will be limited to; null for none.")
    invited_by = serializers.CharField()
    expires_at = serializers.DateTimeField()
    is_member = serializers.BooleanField(help_text="You are one already: nothing will change.")


class AcceptedOutput(serializers.Serializer[Any]):
    """The tenant the caller belongs to now."""

    tenant = TenantOutput()
    was_member = serializers.BooleanField(help_text="You were one already; nothing has changed.")


def limit_of(sites: list[str] | None) -> SiteLimit:
    """A limit as services take it."""
    return SiteLimit(None if sites is None else tuple(sites))
