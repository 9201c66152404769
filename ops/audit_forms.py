"""What a reader of the audit log asks for, as an address says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms

from audit.types import Wanted

SCOPES = (("", "Everything"), ("tenant", "My organisations"), ("platform", "The installation"))


class AuditFilterForm(forms.Form):
    """Filters on the stream; times are in UTC."""

    who = forms.CharField(required=False, max_length=200, strip=True)
    action = forms.CharField(required=False, max_length=100, strip=True)
    type = forms.CharField(required=False, max_length=60, strip=True)
    id = forms.CharField(required=False, max_length=100, strip=True)
    request = forms.CharField(required=False, max_length=64, strip=True)
    since = forms.DateTimeField(required=False)
    until = forms.DateTimeField(required=False)
    scope = forms.ChoiceField(required=False, choices=SCOPES)

    def clean_since(self) -> datetime | None:
        """In UTC."""
        return _in_utc(self.cleaned_data["since"])

    def clean_until(self) -> datetime | None:
        """In UTC."""
        return _in_utc(self.cleaned_data["until"])

    def wanted(self) -> Wanted:
        """What is valid of it; the rest narrows nothing."""
        self.full_clean()
        given: Mapping[str, Any] = self.cleaned_data
        return Wanted(
            who=given.get("who", ""),
            action=given.get("action", ""),
            target_type=given.get("type", ""),
            target_id=given.get("id", ""),
            request_id=given.get("request", ""),
            scope=given.get("scope", ""),
            since=given.get("since"),
            until=given.get("until"),
        )


def _in_utc(moment: datetime | None) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise forms.ValidationError("There is no such time.") from None
