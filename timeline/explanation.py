"""Why a device is as it is, in plain words. Plain Python: facts in, answers out.

Each sentence carries a code, which programs may rely on, and links to what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from timeline import explanation_sync
from timeline.definitions import count_of, lasting
from timeline.explanation_facts import Facts
from timeline.types import Answer, Link, Reason

_THERE: Final = frozenset({"online", "stale"})
# Ends of a connection behind which there is a fault that nobody else explains.
_UNEXPLAINED: Final = frozenset(
    {"connection_closed", "connection_lost", "silence", "idle", "protocol_errors"}
)


def explain(facts: Facts) -> tuple[Answer, ...]:
    """Answer why it is there or not, as desired or not, and to be switched or not."""
    return (connectivity(facts), explanation_sync.answer(facts), control(facts))


def connectivity(facts: Facts) -> Answer:
    """Why it is online, or is not."""
    if facts.ending is not None:
        return Answer(
            subject="connectivity",
            question="Why is it not there?",
            state="ended",
            tone="idle",
            summary=f"{facts.ending.text}. Its key ended with this life, so it cannot connect.",
            since=facts.ending.at,
            reasons=(_ended(facts),),
        )
    if facts.connectivity in _THERE:
        return _there(facts)
    if facts.connectivity == "never_connected":
        return _never(facts)
    return _away(facts)


def control(facts: Facts) -> Answer:
    """Whether the reader can have it do something now, and what stands in the way."""
    reasons = tuple(_hindrances(facts))
    what = "switched" if facts.has_relays else "asked for something"
    if reasons:
        return Answer(
            subject="control",
            question=f"Why can it not be {what}?",
            state="blocked",
            tone="idle" if facts.ending else "warn",
            summary=reasons[0].text,
            reasons=reasons + tuple(_open(facts)),
        )
    waiting = tuple(_open(facts))
    busy = (
        f" {count_of(len(waiting), 'command')} of it {_are(len(waiting))} not over."
        if waiting
        else ""
    )
    return Answer(
        subject="control",
        question=f"Can it be {what}?",
        state="ready",
        tone="good",
        summary=f"Yes: it is there and you may.{busy}",
        reasons=waiting,
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _there(facts: Facts) -> Answer:
    over = f" over {facts.contact.wire}" if facts.contact and facts.contact.wire else ""
    reasons = []
    if facts.contact is not None and facts.contact.began:
        reasons.append(Reason(code="connected", text=facts.contact.began, at=facts.since))
    if facts.is_flapping:
        reasons.append(_flapping())
    if facts.broker_trouble:
        reasons.append(Reason(code="broker", text=facts.broker_trouble))
    if facts.clock:
        reasons.append(Reason(code="clock", text=f"Its clock is wrong: {facts.clock}."))
    if facts.connectivity == "stale":
        return Answer(
            subject="connectivity",
            question="Why is it stale?",
            state="stale",
            tone="warn",
            summary=f"Nothing was heard of it lately. After {lasting(facts.offline_after_s)} of "
            "silence it counts as offline.",
            since=facts.last_seen_at,
            reasons=tuple(reasons),
        )
    return Answer(
        subject="connectivity",
        question="Is it there?",
        state="online",
        tone="warn" if facts.is_flapping else "good",
        summary=f"Yes, it is connected{over}."
        + (" But it comes and goes." if facts.is_flapping else ""),
        since=facts.since,
        reasons=tuple(reasons),
        advice=tuple(_steadier(facts)),
    )


def _steadier(facts: Facts) -> Iterable[Reason]:
    if facts.is_flapping:
        yield Reason(
            code="check_network",
            text="Look at its power supply and its network: a weak signal makes a device come and go.",
        )


def _never(facts: Facts) -> Answer:
    reasons = [Reason(code="never_connected", text="It has never connected with its key.")]
    if facts.keys.state == "none":
        reasons.append(_no_key())
    return Answer(
        subject="connectivity",
        question="Why is it not there?",
        state="never_connected",
        tone="warn",
        summary=reasons[-1].text,
        reasons=tuple(reasons),
        advice=(
            Reason(
                code="power_and_network",
                text="Check that it has power and a network, and that the server's address and "
                "its key are in it.",
            ),
        ),
    )


def _away(facts: Facts) -> Answer:
    reasons = tuple(_causes(facts))
    return Answer(
        subject="connectivity",
        question="Why is it offline?",
        state="offline",
        tone="idle" if facts.maintenance else "bad",
        summary=reasons[0].text,
        since=facts.since,
        reasons=reasons,
        advice=tuple(_back(facts)),
    )


def _causes(facts: Facts) -> Iterable[Reason]:
    """What explains the absence, the strongest explanation first."""
    yield from _beyond_it(facts)
    if facts.keys.state == "none":
        yield _no_key()
    yield _parting(facts)
    if facts.is_flapping:
        yield _flapping()
    if facts.place is not None and facts.place.outage_since is None and facts.place.total > 1:
        yield _neighbours(facts)
    yield from _of_its_keys(facts)


def _beyond_it(facts: Facts) -> Iterable[Reason]:
    if facts.maintenance is not None:
        why = f" ({facts.maintenance.reason})" if facts.maintenance.reason else ""
        yield Reason(
            code="maintenance",
            text=f"It is in maintenance{why}: its absence is expected and costs no uptime.",
            facts={"until": facts.maintenance.until},
        )
    place = facts.place
    if place is not None and place.outage_since is not None:
        yield Reason(
            code="site_outage",
            text=f"{place.name} has an outage: {count_of(place.outage_lost, 'device')} were lost "
            "at once, so the fault is the site's power or network and not this device.",
            at=place.outage_since,
            links=(_site(facts),),
        )


def _parting(facts: Facts) -> Reason:
    if facts.contact is None or not facts.contact.ended:
        return Reason(code="silence", text="Nothing is heard of it any more.", at=facts.since)
    return Reason(
        code=facts.contact.end_code or "disconnected", text=facts.contact.ended, at=facts.since
    )


def _of_its_keys(facts: Facts) -> Iterable[Reason]:
    if facts.keys.state == "rotation_pending":
        yield Reason(
            code="rotation_pending",
            text="A new key waits for its first use. The present one still works, so that is not "
            "the reason.",
            at=facts.keys.rotation_started_at,
        )
    if facts.broker_trouble:
        yield Reason(code="broker", text=facts.broker_trouble)


def _back(facts: Facts) -> Iterable[Reason]:
    place = facts.place
    if facts.keys.state == "none":
        yield Reason(code="new_key", text="Make a new key and put it into the device.")
        return
    if place is not None and place.outage_since is not None:
        yield Reason(code="check_site", text=f"Look at power and network of {place.name} first.")
    elif facts.contact is not None and facts.contact.end_code in _UNEXPLAINED:
        yield Reason(code="check_device", text="Look at its power and its network.")
    yield Reason(
        code="comes_back",
        text="It comes back by itself: it tries again at least every two minutes.",
    )


def _neighbours(facts: Facts) -> Reason:
    place = facts.place
    assert place is not None  # noqa: S101 - the caller has looked
    if place.online == 0:
        text = f"None of the {place.total} devices at {place.name} is there: look at the site."
    else:
        text = f"{place.online} of {place.total} devices at {place.name} are there."
    return Reason(code="neighbours", text=text, links=(_site(facts),))


def _hindrances(facts: Facts) -> Iterable[Reason]:
    if facts.ending is not None:
        yield _ended(facts)
        return
    if not facts.may_operate:
        yield Reason(
            code="role",
            text=f"Your role here is {facts.role or 'none'}: you see everything, switching is for "
            "operators and above.",
        )
    if facts.connectivity not in _THERE:
        yield Reason(
            code="device_offline",
            text="It is not connected. Switching needs it there; other commands wait for it.",
            at=facts.since,
        )


def _open(facts: Facts) -> Iterable[Reason]:
    for asked in facts.asked:
        yield Reason(
            code=f"command_{asked.state}",
            text=f"{asked.title}: {_STANDS.get(asked.state, asked.state)}.",
            at=asked.at,
            links=(Link(kind="command", id=asked.id, label=asked.title),),
        )


_STANDS: Final = {
    "queued": "waiting to be sent",
    "sent": "sent, no answer yet",
    "acked": "the device has it",
    "timed_out": "outcome unknown",
}


def _ended(facts: Facts) -> Reason:
    assert facts.ending is not None  # noqa: S101 - the callers have looked
    by = f" by {facts.ending.by}" if facts.ending.by else ""
    return Reason(
        code="life_ended",
        text=f"{facts.ending.text}{by}. Its history stays; nothing of it changes any more.",
        at=facts.ending.at,
    )


def _no_key() -> Reason:
    return Reason(
        code="no_key",
        text="Its key was revoked, so it cannot sign in.",
        links=(Link(kind="key", id="", label="Credentials"),),
    )


def _flapping() -> Reason:
    return Reason(
        code="flapping",
        text="It comes and goes; its changes are told together until it has been calm for ten "
        "minutes.",
    )


def _site(facts: Facts) -> Link:
    assert facts.place is not None  # noqa: S101 - the callers have looked
    return Link(kind="site", id=facts.place.site_id, label=facts.place.name)
