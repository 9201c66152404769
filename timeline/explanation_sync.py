"""Why a device is as it is desired, or is not. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from timeline.definitions import count_of
from timeline.explanation_facts import Facts, Wish
from timeline.types import Answer, Link, Reason

_THERE: Final = frozenset({"online", "stale"})
_NAMED: Final = 3


def answer(facts: Facts) -> Answer:
    """Why its sync is in order, drifting, or unknown."""
    if facts.ending is not None:
        return Answer(
            subject="sync",
            question="Is it in sync?",
            state="unknown",
            tone="idle",
            summary="Its life has ended: nothing is desired of it any more.",
            since=facts.ending.at,
        )
    reasons = (*_twin(facts), *_config(facts))
    if facts.sync == "drift":
        return _drifting(facts, reasons)
    if facts.sync == "unknown":
        return Answer(
            subject="sync",
            question="Why is its sync unknown?",
            state="unknown",
            tone="idle",
            summary="Nothing was ever desired of it, so there is nothing to differ from.",
            reasons=reasons,
            advice=(
                Reason(
                    code="write_desired",
                    text="Write what it is to be on its twin page, if it should be kept so.",
                    links=(Link(kind="twin", id="", label="Twin"),),
                ),
            ),
        )
    return Answer(
        subject="sync",
        question="Is it in sync?",
        state="in_sync",
        tone="warn" if reasons else "good",
        summary=f"Yes: it is as version {facts.twin.version} of its twin has it.",
        since=facts.twin.at,
        reasons=reasons,
    )


def _drifting(facts: Facts, reasons: tuple[Reason, ...]) -> Answer:
    if facts.connectivity in _THERE and facts.twin.applied >= facts.twin.version:
        advice = "Change on the twin page what is desired, or at the device what it does."
    elif facts.connectivity in _THERE:
        advice = "It has been sent the document. If it does not answer, look at its software."
    else:
        advice = "Bring it online: it gets the document as soon as it connects."
    return Answer(
        subject="sync",
        question="Why is it not in sync?",
        state="drift",
        tone="warn",
        summary=_summary(facts),
        since=facts.twin.since,
        reasons=reasons,
        advice=(
            Reason(code="see_twin", text=advice, links=(Link(kind="twin", id="", label="Twin"),)),
        ),
    )


def _summary(facts: Facts) -> str:
    places = count_of(len(facts.differing), "place")
    if facts.connectivity not in _THERE:
        return f"It is offline and differs in {places}: it has not heard of the latest wish."
    if facts.twin.applied < facts.twin.version:
        return f"It differs in {places} and has not yet said that it took version {facts.twin.version} over."
    return f"It says that it took version {facts.twin.version} over, and still differs in {places}."


def _twin(facts: Facts) -> Iterable[Reason]:
    if facts.differing:
        named = ", ".join(path.lstrip("/") for path in facts.differing[:_NAMED])
        more = len(facts.differing) - _NAMED
        yield Reason(
            code="differs",
            text=f"It differs in {named}{f' and {more} more' if more > 0 else ''}.",
            at=facts.twin.since,
            links=(Link(kind="twin", id="", label="What differs"),),
            facts={"paths": list(facts.differing)},
        )
    if facts.twin.version and facts.twin.applied < facts.twin.version:
        by = f" by {facts.twin.by}" if facts.twin.by else ""
        yield Reason(
            code="twin_behind",
            text=f"Version {facts.twin.version} was desired{by}; it has taken over "
            f"{_version(facts.twin)}.",
            at=facts.twin.at,
            links=(Link(kind="twin", id=str(facts.twin.version), label="That version"),),
        )


def _config(facts: Facts) -> Iterable[Reason]:
    config = facts.config
    if config.version <= config.applied:
        return
    link = Link(kind="config", id=str(config.version), label="Configuration")
    if config.refused:
        said = f' It says "{config.error}".' if config.error else ""
        yield Reason(
            code="config_refused",
            text=f"It refused version {config.version} of its configuration.{said}",
            at=config.since,
            links=(link,),
        )
        return
    yield Reason(
        code="config_behind",
        text=f"Its configuration is to be version {config.version}; it works by "
        f"{_version(config)}.",
        at=config.since,
        links=(link,),
    )


def _version(wish: Wish) -> str:
    return f"version {wish.applied}" if wish.applied else "none yet"
