"""How a refusal of a service becomes a sentence in a form."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, QueryDict

from kernel import errors


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: what was posted, be it nothing; None while it is only shown."""
    return request.POST if request.method == "POST" else None


def show_refusal(form: forms.Form, error: errors.HomepotError) -> int:
    """Put a refusal beside the fields it is about, or above them all; returns its HTTP status.

    What is not there at all, and what is nobody's to do here, stays an answer of its own: raises
    NotFound and PermissionDenied again.
    """
    if isinstance(error, errors.NotFound | errors.PermissionDenied):
        raise error
    # Which tenant is meant is asked on a page of its own.
    if error.code == "tenant_required":
        raise error
    about = {name: said for name, said in error.details.items() if name in form.fields}
    for name, said in about.items():
        form.add_error(name, said)
    if not about:
        sentences = [
            text for said in error.details.values() if isinstance(said, list) for text in said
        ]
        form.add_error(None, " ".join([error.message, *sentences]))
    return error.status


def sentence_of(error: errors.HomepotError) -> str:
    """A refusal in a sentence; where it names places in a document, with what is wrong there."""
    if not isinstance(error, errors.ValidationFailed):
        return error.message
    told = [
        f"{place}: {' '.join(said)}" if place.startswith("/") else " ".join(said)
        for place, said in error.details.items()
        if isinstance(said, list)
    ]
    return " ".join([error.message, *told])
