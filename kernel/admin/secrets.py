"""What no page of the admin shows: keys, digests of keys, sealed values, contents of sessions."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db import models

_NAMES: Final = re.compile(
    r"(^|_)(password|secret|salt|sealed|seal|digest|token|fingerprint|lookup|session_data)($|_)"
    r"|(?<!entry)(?<!previous)(?<!head)(?<!pass)_hash$|^client_session$|^session_key$|^lease$"
)
# Numbers that merely have such a word in their names.
_NUMBERS: Final = (models.IntegerField, models.DateTimeField, models.BooleanField)


def is_secret(field: models.Field[Any, Any]) -> bool:
    """Whether the values of a column are nobody's to see, whoever it is.

    Bytes never are: what is kept as bytes is sealed, or not made to be read.
    """
    if isinstance(field, models.BinaryField):
        return True
    return bool(_NAMES.search(field.name)) and not isinstance(field, _NUMBERS)


def open_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The columns of a model that may be shown, in their order."""
    return [field for field in model._meta.concrete_fields if not is_secret(field)]
