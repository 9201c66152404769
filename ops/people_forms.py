"""Forms about people: tenants, members, invitations, and who comes in through one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.services.invitations import DEFAULT_DAYS, MAX_DAYS
from accounts.services.passwords import MAX_LENGTH
from accounts.services.registration import MAX_NAME_LENGTH as MAX_PERSON
from accounts.services.tenants import MAX_NAME_LENGTH as MAX_TENANT
from accounts.types import SiteLimit


class TenantForm(forms.Form):
    """The name of a tenant."""

    name = forms.CharField(
        max_length=MAX_TENANT, strip=True, error_messages={"required": "Give it a name."}
    )


class PlaceForm(forms.Form):
    """A role, and the sites it holds for; none chosen by name means all of them."""

    role = forms.ChoiceField(error_messages={"required": "Choose what they may do."})
    reach = forms.ChoiceField(choices=[("all", "All"), ("some", "Some")], required=False)
    sites = forms.MultipleChoiceField(required=False)

    def __init__(
        self,
        *args: Any,
        roles: Iterable[tuple[str, str]],
        sites: Iterable[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = list(roles)  # type: ignore[attr-defined]
        self.fields["sites"].choices = list(sites)  # type: ignore[attr-defined]

    def limit(self) -> SiteLimit:
        """The limit as services take it."""
        if self.cleaned_data["reach"] != "some":
            return SiteLimit()
        return SiteLimit(tuple(self.cleaned_data["sites"]))


class InviteForm(PlaceForm):
    """An invitation to be."""

    email = forms.EmailField(
        required=False, max_length=254, error_messages={"invalid": "This is no e-mail address."}
    )
    valid_days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS)


class JoinForm(forms.Form):
    """Who comes in through an invitation."""

    email = forms.CharField(max_length=254)
    display_name = forms.CharField(required=False, max_length=MAX_PERSON)
    password = forms.CharField(max_length=MAX_LENGTH, strip=False)
