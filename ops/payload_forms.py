"""The form of a kind of command, drawn from its JSON Schema.

A member of the payload becomes the field that fits its type; what fits none is typed as JSON. The
ledger checks the payload against the schema, so nothing of that is done twice here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from commands.choices import Delivery
from commands.registry import Kind
from kernel import errors
from ops import documents, wording

_LEFT_OUT: Final = ("", "Leave out")
_NO_ADDITION: Final = "Leave it empty to leave it out."
_SECONDS: Final = (30, 300, 3600, 86_400, 604_800, 2_592_000)
_PAYLOAD: Final = "/payload"


class _Choice(forms.ChoiceField):
    """One of some JSON values, chosen by its number."""

    def __init__(self, values: Sequence[tuple[Any, str]], **options: Any) -> None:
        self._values = values
        shown = [(str(place), label) for place, (_, label) in enumerate(values)]
        super().__init__(choices=[_LEFT_OUT, *shown], **options)

    def clean(self, value: Any) -> Any:
        """The value itself; None for none."""
        place = super().clean(value)
        return self._values[int(place)][0] if place else None


class _Choices(forms.MultipleChoiceField):
    """Some of some JSON values, chosen by their numbers."""

    def __init__(self, values: Sequence[Any], **options: Any) -> None:
        self._values = values
        shown = [(str(place), str(value)) for place, value in enumerate(values)]
        super().__init__(choices=shown, **options)

    def clean(self, value: Any) -> Any:
        """The values themselves; None for none of them."""
        places = super().clean(value)
        return [self._values[int(place)] for place in places] or None


class _Lines(forms.CharField):
    """A list of scalars, one on each line."""

    def __init__(self, item: forms.Field, **options: Any) -> None:
        self._item = item
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        """The list; None for no line at all."""
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return [self._item.clean(line) for line in lines if line] or None


class PayloadForm(forms.Form):
    """What is asked of a device: the payload, and how it is delivered."""

    delivery = forms.ChoiceField(required=False)
    expires_in = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        usual = "waits for the device" if kind.delivery == Delivery.QUEUE else "at once or not"
        lives = wording.lasting(kind.lifetime.total_seconds())
        longest = kind.max_lifetime.total_seconds()
        self.fields["delivery"].choices = [  # type: ignore[attr-defined]
            ("", f"As usual: {usual}"),
            (str(Delivery.QUEUE), "Let it wait for the device"),
            (str(Delivery.NOW), "At once, or not at all"),
        ]
        self.fields["expires_in"].choices = [  # type: ignore[attr-defined]
            ("", f"As usual: {lives}"),
            *((str(s), wording.lasting(s)) for s in _SECONDS if s <= longest),
        ]
        self._names: dict[str, str] = {}
        self._is_whole = not kind.schema.get("properties") and _is_open(kind.schema)
        if self._is_whole:
            self._draw("", {**kind.schema, "title": "Payload"}, is_required=False)
        required = set(kind.schema.get("required", ()))
        for name, schema in kind.schema.get("properties", {}).items():
            self._draw(name, schema, is_required=name in required)

    def payload_fields(self) -> list[forms.BoundField]:
        """The fields of the payload, in the order of the schema."""
        return [self[field] for field in self._names]

    def payload(self) -> dict[str, Any]:
        """The payload as it was typed; what was left empty is not in it."""
        given = {name: self.cleaned_data[field] for field, name in self._names.items()}
        if self._is_whole:
            return given[""] or {}
        return {name: value for name, value in given.items() if value is not None}

    def terms(self) -> dict[str, Any]:
        """How it is to be delivered, as the services take it."""
        return {
            "delivery": self.cleaned_data["delivery"] or None,
            "expires_in_s": self.cleaned_data["expires_in"],
        }

    def refuse(self, message: str, details: Mapping[str, Any]) -> None:
        """Put a refusal beside the fields that it is about, or above them all."""
        fields = {name: field for field, name in self._names.items()}
        above: list[str] = []
        for pointer, said in details.items():
            if not isinstance(said, list):
                continue
            name, _, rest = pointer.removeprefix(_PAYLOAD).lstrip("/").partition("/")
            sentences = [f"{rest}: {text}" if rest else str(text) for text in said]
            field = fields.get(name.replace("~1", "/").replace("~0", "~"))
            if pointer.startswith(_PAYLOAD) and field is not None:
                self.add_error(field, sentences)
            else:
                above += sentences
        if above or not self.errors:
            self.add_error(None, " ".join([message, *above]))

    def _draw(self, name: str, schema: Any, *, is_required: bool) -> None:
        field, shape = _field_of(schema if isinstance(schema, Mapping) else {})
        field.shape = shape
        field.title = schema.get("title") or wording.plain(name).capitalize()
        field.told = _told(schema, is_required=is_required)
        field.is_optional = not is_required
        if "default" in schema and shape in {"line", "number", "decimal"}:
            field.initial = schema["default"]
        self._names[f"p{len(self._names)}"] = name
        self.fields[f"p{len(self._names) - 1}"] = field


def _field_of(schema: Mapping[str, Any]) -> tuple[Any, str]:
    """The field that takes such a value, and how it is drawn."""
    if "const" in schema:
        return _Choice([(schema["const"], _shown(schema["const"]))], required=False), "choice"
    if "enum" in schema:
        return _Choice([(one, _shown(one)) for one in schema["enum"]], required=False), "choice"
    match schema.get("type"):
        case "boolean":
            return _Choice([(True, "Yes"), (False, "No")], required=False), "choice"
        case "integer" | "number" | "string":
            return _scalar(schema)
        case "array":
            return _list(schema)
        case "object":
            return documents.ObjectField(required=False), "json"
    return documents.JsonField(required=False), "json"


def _scalar(schema: Mapping[str, Any]) -> tuple[Any, str]:
    kind = schema["type"]
    if kind == "string":
        field = forms.CharField(
            required=False, max_length=schema.get("maxLength"), empty_value=None, strip=False
        )
        return field, "line"
    bounds: dict[str, Any] = {
        "min_value": schema.get("minimum"),
        "max_value": schema.get("maximum"),
    }
    if kind == "integer":
        return forms.IntegerField(required=False, **bounds), "number"
    return forms.FloatField(required=False, **bounds), "decimal"


def _list(schema: Mapping[str, Any]) -> tuple[Any, str]:
    items = schema.get("items")
    items = items if isinstance(items, Mapping) else {}
    if "enum" in items:
        return _Choices(items["enum"], required=False), "choices"
    if items.get("type") in {"integer", "number", "string"}:
        return _Lines(_scalar(items)[0], required=False), "lines"
    return documents.JsonField(required=False), "json"


def _told(schema: Mapping[str, Any], *, is_required: bool) -> str:
    told = [str(schema["description"])] if schema.get("description") else []
    items = schema.get("items")
    if schema.get("type") == "array" and isinstance(items, Mapping) and "enum" not in items:
        told.append("One on each line.")
        if examples := items.get("examples"):
            told.append(f"Such as {', '.join(map(str, examples))}.")
    if not is_required and schema.get("type") == "integer" and "default" not in schema:
        told.append(_NO_ADDITION)
    return " ".join(told)


def _is_open(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties", True) is not False


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value if isinstance(value, str) else documents.in_line(value)


def show_payload_refusal(form: PayloadForm, error: errors.HomepotError) -> int:
    """Put a refusal of the ledger into the form; returns the status of the page.

    The device or the group has been found by then: what is not there is something of the payload.
    Raises PermissionDenied again, which is an answer of its own.
    """
    if isinstance(error, errors.PermissionDenied):
        raise error
    form.refuse(error.message, error.details if isinstance(error, errors.ValidationFailed) else {})
    return 400 if isinstance(error, errors.NotFound) else error.status
