"""Forms about sites, their devices, and the keys devices come in with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms

from devices.services import provisioning_keys
from devices.services.sites import MAX_ADDRESS, MAX_ID, MAX_NAME
from devices.types import NewSite, Position, SiteChanges, SiteDevice
from ops import wording

_CLASSES = [(value, kind.label) for value, kind in wording.DEVICE_CLASSES.items()]
_ID = r"^[A-Za-z0-9_-]+$"
_ID_PROBLEM = "Letters, digits, - and _ only, without spaces."
LIFETIMES = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))


class SiteForm(forms.Form):
    """What a site is and where."""

    name = forms.CharField(
        max_length=MAX_NAME, strip=True, error_messages={"required": "Give it a name."}
    )
    address = forms.CharField(required=False, max_length=MAX_ADDRESS, strip=True)
    time_zone = forms.CharField(max_length=64, strip=True, initial="UTC")
    latitude = forms.DecimalField(required=False)
    longitude = forms.DecimalField(required=False)

    def changes(self) -> SiteChanges:
        """The input as an edit."""
        return SiteChanges(**self._facts())

    def _facts(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        position = Position(latitude=given.pop("latitude"), longitude=given.pop("longitude"))
        names = ("name", "address", "time_zone")
        return {name: given[name] for name in names} | {"position": position}


class NewSiteForm(SiteForm):
    """A site to be made."""

    site_id = forms.RegexField(
        required=False, max_length=MAX_ID, regex=_ID, error_messages={"invalid": _ID_PROBLEM}
    )

    def site(self) -> NewSite:
        """The input as a new site."""
        return NewSite(**self._facts(), site_id=self.cleaned_data["site_id"])


class RemoveSiteForm(forms.Form):
    """What becomes of the devices of a site that goes."""

    devices = forms.ChoiceField(choices=[("move", "Move"), ("unpair", "Unpair")], required=False)
    move_to = forms.CharField(required=False, max_length=MAX_ID)

    def departure(self) -> dict[str, Any]:
        """The input as the service takes it."""
        asked = self.cleaned_data["devices"]
        to = self.cleaned_data["move_to"] if asked == "move" else ""
        return {"unpair": asked == "unpair", "move_to": to}


class SiteDeviceForm(forms.Form):
    """A device as its installer describes it."""

    device_id = forms.RegexField(
        max_length=64,
        regex=_ID,
        error_messages={"invalid": _ID_PROBLEM, "required": "Give it an id."},
    )
    name = forms.CharField(required=False, max_length=100, strip=True)
    device_class = forms.ChoiceField(choices=_CLASSES, initial="other")
    device_type = forms.CharField(required=False, max_length=64, strip=True)
    relay_count = forms.IntegerField(required=False, min_value=0, max_value=64, initial=0)
    ip_address = forms.GenericIPAddressField(
        required=False, error_messages={"invalid": "This is no IP address."}
    )

    def device(self) -> SiteDevice:
        """The input as the service takes it."""
        given = dict(self.cleaned_data)
        given["relay_count"] = given["relay_count"] or 0
        given["ip_address"] = given["ip_address"] or None
        return SiteDevice(**given)


class KeyForm(forms.Form):
    """A provisioning key to be made."""

    name = forms.CharField(
        max_length=100, strip=True, error_messages={"required": "Give it a name."}
    )
    site = forms.ChoiceField(required=False)
    device_class = forms.ChoiceField(required=False, choices=[("", "Any class"), *_CLASSES])
    max_devices = forms.IntegerField(
        min_value=1, max_value=provisioning_keys.MAX_DEVICES, initial=10
    )
    days = forms.TypedChoiceField(choices=LIFETIMES, coerce=int, initial=7)

    def __init__(self, *args: Any, sites: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].choices = [("", "Any site"), *sites]  # type: ignore[attr-defined]

    def wanted(self, now: datetime) -> dict[str, Any]:
        """The input as the service takes it."""
        given = dict(self.cleaned_data)
        expires_at = now + timedelta(days=given.pop("days"))
        return given | {"site_id": given.pop("site") or None, "expires_at": expires_at}


class UploadForm(forms.Form):
    """A list of devices to be enrolled."""

    file = forms.FileField(
        allow_empty_file=True, error_messages={"required": "Choose a file first."}
    )
    site = forms.ChoiceField(required=False)
    mode = forms.ChoiceField(
        required=False, choices=[("api_key", "Keys"), ("claim_code", "Claim codes")]
    )

    def __init__(self, *args: Any, sites: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].choices = [("", "None"), *sites]  # type: ignore[attr-defined]
