"""JSON documents in pages: how they are written, and how what somebody typed is read."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from edge.protocol import strict_json
from edge.protocol.limits import MAX_DOCUMENT_FRAME_BYTES

_MAX_TEXT = 4 * MAX_DOCUMENT_FRAME_BYTES
_NO_OBJECT = "Write a JSON object, in braces."


def written(value: Any) -> str:
    """A JSON value as people read and edit it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def in_line(value: Any) -> str:
    """A JSON value on one line."""
    return json.dumps(value, ensure_ascii=False)


class JsonField(forms.CharField):
    """A JSON value typed into a text field; empty is none at all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=True, max_length=_MAX_TEXT, **options)

    def clean(self, value: Any) -> Any:
        """The value that the text stands for."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return strict_json.loads(text, max_bytes=_MAX_TEXT)
        except strict_json.StrictJSONError as error:
            raise forms.ValidationError(f"This is no JSON: {error}.") from error


class ObjectField(JsonField):
    """A JSON object typed into a text field."""

    def clean(self, value: Any) -> Any:
        """The object that the text stands for."""
        found = super().clean(value)
        if found is not None and not isinstance(found, dict):
            raise forms.ValidationError(_NO_OBJECT)
        return found


class DocumentForm(forms.Form):
    """A whole document, and the version that whoever edited it had before them."""

    document = ObjectField(error_messages={"required": _NO_OBJECT})
    etag = forms.CharField(required=False, max_length=100)
