"""What can be done with rows in the admin: a page that says what happens, then one service call.

An app registers the deeds of its own models and, from above, of those below it: the ledger adds
"send a command" to devices without devices knowing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django import forms
from django.http import QueryDict

from kernel import errors
from kernel.actors import Actor
from kernel.admin import scope

MANY: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Doing:
    """Who does it to which rows of one tenant, and what they typed."""

    rows: Sequence[Any]
    values: Mapping[str, Any]
    form: forms.Form
    actor: Actor
    now: datetime


@dataclass(kw_only=True, slots=True)
class Done:
    """What became of it: sentences, refusals, and what is shown this once."""

    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    shown_once: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Done) -> None:
        """Take in what became of other rows."""
        self.done += other.done
        self.refused += other.refused
        self.shown_once += other.shown_once


Act = Callable[[Doing], Done]
# Rows, who asks, what was posted (None at first) and the step it was posted for.
MakeForm = Callable[[Sequence[Any], Actor, QueryDict | None, str], forms.Form]


def _plain(
    form: type[forms.Form],
) -> MakeForm:
    def make(rows: Sequence[Any], actor: Actor, data: QueryDict | None, step: str) -> forms.Form:
        return form(data)

    return make


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """One thing that can be done with rows of a model, by who has been given it.

    `told` says before what it does. Its permission is `<name>_<model>`; a deed that is not for
    staff is for who runs the platform alone. `applies` says which rows it makes sense for.
    """

    model: str
    name: str
    label: str
    told: str
    act: Act
    make_form: MakeForm = field(default_factory=lambda: _plain(forms.Form))
    most: int = 100
    is_grave: bool = False
    for_staff: bool = True
    applies: Callable[[Any], bool] = lambda row: True

    @property
    def app_label(self) -> str:
        """The app whose model it is about."""
        return self.model.partition(".")[0]

    @property
    def codename(self) -> str:
        """The permission that staff need."""
        return f"{self.name}_{self.model.partition('.')[2]}"

    @property
    def permission(self) -> str:
        """The same, as Django asks for it."""
        return f"{self.app_label}.{self.codename}"


with_form = _plain
_deeds: dict[str, dict[str, Deed]] = {}


def register(*deeds: Deed) -> None:
    """Offer deeds; two of a name for one model are a mistake."""
    for deed in deeds:
        of_model = _deeds.setdefault(deed.model, {})
        if deed.name in of_model:
            raise ValueError(f"{deed.model} has a deed {deed.name} already.")
        of_model[deed.name] = deed


def of(model: str) -> Mapping[str, Deed]:
    """The deeds of a model, as `app.model` in lower case."""
    return _deeds.get(model, {})


def every() -> list[Deed]:
    """All deeds of all models."""
    return [deed for of_model in _deeds.values() for deed in of_model.values()]


def each(act: Callable[[Any, Doing], str | tuple[str, str]]) -> Act:
    """A deed done to one row after the other: a refusal of one stops none of the others.

    What it returns is told; a pair is something to show this once, under its label.
    """

    def act_on_all(doing: Doing) -> Done:
        outcome = Done()
        for row in doing.rows:
            try:
                said = act(row, doing)
            except errors.HomepotError as error:
                outcome.refused.append(f"{row}: {sentence(error)}")
                continue
            if isinstance(said, tuple):
                outcome.shown_once.append(said)
            else:
                outcome.done.append(said)
        return outcome

    return act_on_all


def carry_out(
    deed: Deed, *, rows: Sequence[Any], form: forms.Form, actor: Actor, now: datetime
) -> Done:
    """Do it, tenant by tenant, in the name of who asks."""
    outcome = Done()
    for tenant_id, some in scope.by_tenant(rows).items():
        doing = Doing(
            rows=some,
            values=form.cleaned_data,
            form=form,
            actor=scope.acting_in(actor, tenant_id),
            now=now,
        )
        try:
            outcome.add(deed.act(doing))
        except errors.HomepotError as error:
            outcome.refused.append(sentence(error))
    return outcome


def sentence(error: errors.HomepotError) -> str:
    """A refusal in words, with what is wrong where."""
    told = [
        f"{place}: {' '.join(map(str, said))}"
        for place, said in error.details.items()
        if isinstance(said, list)
    ]
    return " ".join([error.message, *told])
