"""Forms of the console; each is also usable without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from devices.choices import Sync
from groups.query import MAX_TEXT
from ops import wording

_CONNECTIVITY = ("online", "offline", "never_connected")


class DeviceFilter(forms.Form):
    """The query string of the device list; a value it does not know counts as absent."""

    q = forms.CharField(required=False, max_length=100, strip=True)
    connectivity = forms.ChoiceField(
        required=False,
        choices=[(value, wording.CONNECTIVITY_LABELS[value]) for value in _CONNECTIVITY],
    )
    device_class = forms.ChoiceField(
        required=False,
        choices=[(value, kind.label) for value, kind in wording.DEVICE_CLASSES.items()],
    )
    simulated = forms.ChoiceField(required=False, choices=list(wording.SIMULATED_CHOICES.items()))
    site = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")
    sync = forms.ChoiceField(required=False, choices=Sync.choices)
    query = forms.CharField(required=False, max_length=MAX_TEXT, strip=True)
    after = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")

    def chosen(self) -> dict[str, str]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class ArchiveFilter(forms.Form):
    """The query string of the archive; a value it does not know counts as absent."""

    q = forms.CharField(required=False, max_length=100, strip=True)
    end_reason = forms.ChoiceField(required=False, choices=list(wording.END_LABELS.items()))
    device_class = forms.ChoiceField(
        required=False,
        choices=[(value, kind.label) for value, kind in wording.DEVICE_CLASSES.items()],
    )
    after = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")

    def chosen(self) -> dict[str, str]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class AcceptForm(forms.Form):
    """A transfer code as its giver told it, whose the device becomes, and where it stands."""

    code = forms.CharField(
        max_length=40, strip=True, error_messages={"required": "Enter the code first."}
    )
    tenant = forms.ChoiceField(required=False)
    site = forms.CharField(required=False, max_length=64, strip=True)

    def __init__(self, *args: Any, tenants: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tenants:
            self.fields["tenant"] = forms.ChoiceField(
                choices=tenants, error_messages={"required": "Choose whose it becomes."}
            )


class ClaimForm(forms.Form):
    """A claim code as printed by the device, a name for it, and whose it becomes.

    Which tenant is asked for only where there are `tenants` (uid and name) to choose from.
    """

    claim_code = forms.CharField(max_length=40, strip=True)
    name = forms.CharField(required=False, max_length=100, strip=True)
    tenant = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, tenants: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tenants:
            self.fields["tenant"] = forms.ChoiceField(choices=tenants)
