"""Forms of the console; each is also usable without JavaScript."""

from __future__ import annotations

from django import forms

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
    after = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")

    def chosen(self) -> dict[str, str]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class ClaimForm(forms.Form):
    """A claim code as printed by the device, and a name for it."""

    claim_code = forms.CharField(max_length=40, strip=True)
    name = forms.CharField(required=False, max_length=100, strip=True)
