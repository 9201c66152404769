"""Refusals that only accounts know."""

from __future__ import annotations

from kernel import errors


class TenantRequired(errors.HomepotError):
    """The caller belongs to several tenants and has not said which one is meant."""

    code = "tenant_required"
    status = 400
    default_message = "You belong to several tenants. Say which one with the header X-Tenant."

    def __init__(self) -> None:
        super().__init__(details={"X-Tenant": ["Send the uid of one of your tenants."]})


class LastOwner(errors.Conflict):
    """Without this owner nobody could manage the tenant any more."""

    code = "last_owner"
    default_message = "A tenant keeps at least one owner. Make somebody else an owner first."


class PersonalTenant(errors.Conflict):
    """A personal tenant belongs to one person for good."""

    code = "personal_tenant"
    default_message = "A personal tenant stays with the person it was made for."


class InvitationInvalid(errors.HomepotError):
    """The link is unknown, expired, used, revoked or meant for somebody else: never says which."""

    code = "invitation_invalid"
    status = 404
    default_message = "This invitation is not valid. Ask for a new one."
