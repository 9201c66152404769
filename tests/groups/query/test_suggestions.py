"""What is offered to who types a query."""

from __future__ import annotations

import pytest

from groups.query import parse_text, suggest


def offered(text: str) -> list[str]:
    """The texts that are offered at the end of it."""
    return [item.text for item in suggest(text, len(text)).items]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("sta", ["status"]),
        ("status", [":", "!=", ":("]),
        ("status:", ["online", "offline", "unpaired"]),
        ("status:of", ["offline"]),
        ("status:(online, o", ["online", "offline"]),
        ("status:online ", ["and", "or"]),
        ("status:online a", ["and"]),
        ("not si", ["site", "simulated"]),
        ("simulated:t", ["true"]),
        ("last_seen", [">", "<", ":*"]),
        ("re", ["reported."]),
        ("status:online tag:x", []),
        ("foo:", []),
    ],
)
def test_offers(text: str, texts: list[str]) -> None:
    assert offered(text) == texts


def test_every_condition_may_begin_with_every_field() -> None:
    begun = offered("status:online and ")

    assert {"status", "site", "firmware", "desired.", "metric.", "not"} <= set(begun)


def test_values_that_only_the_caller_knows_are_asked_for() -> None:
    found = suggest("tag:lobby and site:be or name:x", len("tag:lobby and site:be"))

    assert (found.values_of, found.typed) == ("site", "be")
    assert (found.start, found.end) == (len("tag:lobby and site:"), len("tag:lobby and site:be"))
    assert found.items == ()


@pytest.mark.parametrize("sign", [":", "!=", "<", "<=", ">", ">=", "^"])
def test_every_sign_that_is_offered_can_be_read(sign: str) -> None:
    assert sign in offered("firmware")
    parse_text(f"firmware{sign}2.1")
