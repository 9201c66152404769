"""The strict decoder refuses what some store, browser or device could not hold, and never fails."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import strict_json
from edge.protocol.strict_json import StrictJSONError
from tests.faults.garbage import spoiled

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
# Fragments that make near-JSON: pure random text hardly ever gets past the first character.
PIECES = st.lists(
    st.sampled_from(
        [
            *[
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                '"',
                "\\",
                '"a"',
                "\\u0000",
                "\\ud800",
                "1",
                "-",
                "1e999",
                "NaN",
                "Infinity",
                "-Infinity",
                "true",
                "null",
            ],
            *("9" * 30, "0.1", " ", "\ud800", "\x00"),
        ]
    ),
    max_size=40,
).map("".join)


def reason_of(data: bytes | str, **bounds: int) -> str:
    with pytest.raises(StrictJSONError) as refusal:
        strict_json.loads(data, **bounds)
    return refusal.value.reason


@given(DOCUMENTS)
def test_a_bounded_document_reads_as_the_standard_decoder_reads_it(document: object) -> None:
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False)):
        assert strict_json.loads(text) == json.loads(text)
        assert strict_json.loads(text.encode()) == json.loads(text)


@given(DOCUMENTS)
def test_what_is_written_can_be_read_back(document: object) -> None:
    assert strict_json.loads(strict_json.dumps(document)) == document


@given(st.binary(max_size=200) | PIECES | st.text(max_size=100))
def test_nothing_but_its_own_error_ever_escapes(data: bytes | str) -> None:
    try:
        strict_json.loads(data)
    except StrictJSONError as refusal:
        assert refusal.reason  # accepting is just as right an outcome


@given(PIECES)
def test_it_accepts_nothing_the_standard_decoder_refuses(text: str) -> None:
    try:
        value = strict_json.loads(text)
    except StrictJSONError:
        return
    assert value == json.loads(text)


@pytest.mark.parametrize("nesting", [17, 1_000, 32_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused_before_it_is_parsed(nesting: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    text = opening * nesting + "1" + closing * nesting
    assert reason_of(text, max_bytes=1_000_000) == strict_json.TOO_DEEP


def test_sixteen_levels_are_allowed_and_brackets_in_strings_do_not_count() -> None:
    assert strict_json.loads("[" * 16 + "]" * 16)
    assert strict_json.loads('["' + "[{" * 500 + '\\""]') == ["[{" * 500 + '"']
    assert strict_json.loads("[" + "[]," * 500 + "[]]") == [[]] * 501


def test_even_without_a_depth_bound_the_interpreter_limit_does_not_escape() -> None:
    assert reason_of("[" * 60_000, max_depth=100_000) == strict_json.TOO_DEEP


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "[1E+400]"])
def test_numbers_must_be_finite(text: str) -> None:
    assert reason_of(text) == strict_json.NOT_FINITE


@pytest.mark.parametrize("text", [str(2**63), str(-(2**63) - 1), "9" * 5_000, "-" + "9" * 50_000])
def test_integers_must_fit_in_64_bits(text: str) -> None:
    assert reason_of(text) == strict_json.INTEGER_OUT_OF_RANGE


def test_the_ends_of_int64_are_inside() -> None:
    assert strict_json.loads(f"[{2**63 - 1},{-(2**63)}]") == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"\\u0000"', strict_json.NUL_CHARACTER),
        ('{"a\\u0000":1}', strict_json.NUL_CHARACTER),
        ('[{"a":["\\ud800"]}]', strict_json.LONE_SURROGATE),
        ('{"\\udfff":1}', strict_json.LONE_SURROGATE),
        ('"\\ude00\\ud83d"', strict_json.LONE_SURROGATE),
        ('"\ud800"', strict_json.LONE_SURROGATE),
        ('{"a":1,"a":1}', strict_json.DUPLICATE_KEY),
        ('{"a":1,"\\u0061":1}', strict_json.DUPLICATE_KEY),
        ('"\x00"', strict_json.MALFORMED),
        ("\ufeff{}", strict_json.MALFORMED),
        (b"\xff", strict_json.NOT_UTF8),
        (b'"\xed\xa0\x80"', strict_json.NOT_UTF8),
        ("{}".encode("utf-16-le"), strict_json.MALFORMED),
        ("", strict_json.MALFORMED),
        ("01", strict_json.MALFORMED),
        ("{'a':1}", strict_json.MALFORMED),
    ],
)
def test_text_must_be_clean_and_keys_unique(text: bytes | str, reason: str) -> None:
    assert reason_of(text) == reason


def outcome_of(text: bytes) -> object:
    try:
        # Written out again: 1 and 1.0 and true are equal, and -0.0 is 0.0.
        return json.dumps(strict_json.loads(text))
    except StrictJSONError as refusal:
        return refusal.reason


def both_ways(text: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[object, object]:
    """What the quick way makes of a text, and what the exact one does."""
    quick = outcome_of(text)
    with monkeypatch.context() as exact:
        exact.setattr(strict_json, "_quickly", lambda *_: strict_json._DOUBTFUL)
        return quick, outcome_of(text)


def test_the_quick_way_says_what_the_exact_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = {"seq": 1, "at": "2026-11-21T09:00:00Z", "metrics": {"a": 1.5, "b": 2, "c.d": -0.0}}
    documents = [
        {"boot_id": "b : 1", "readings": [reading, reading]},
        {"a": [":", " :", {"b": {}}]},
    ]
    accepted = 0
    for text in spoiled(documents, 4000, seed=11):
        quick, exact = both_ways(text, monkeypatch)
        assert quick == exact, text
        accepted += str(quick).startswith("{")
    assert accepted > 1000


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a" :1,"a":1}',
        b'{"a" :1,"a":1,"b":":"}',
        b'{"a":1,"b":{"a":1},"c":":"}',
        b'{"a":":","a"\n:1}',
        b'{"a":" :","b\t":[]}',
        b'{"a":1e400}',
        b'{"a":[-1e400]}',
        b'{"a":9223372036854775808}',
        b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",
        b'{"a":' + b"[" * 15 + b"]" * 15 + b"}",
    ],
)
def test_neither_way_is_taken_in(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, exact = both_ways(text, monkeypatch)
    assert quick == exact


def test_size_is_counted_in_bytes() -> None:
    assert strict_json.loads('"éé"', max_bytes=6) == "éé"
    assert reason_of('"éé"', max_bytes=5) == strict_json.TOO_LARGE
    assert reason_of(b" " * 65_537) == strict_json.TOO_LARGE
    assert reason_of(" " * 65_537) == strict_json.TOO_LARGE


@pytest.mark.parametrize("text", ['"' + '\\"' * 32_000, '"' * 65_000, "[" + '"\\' * 30_000])
def test_hostile_text_costs_linear_time(text: str) -> None:
    # Quadratic work on 64 KiB takes minutes: the suite's own time limit is the assertion.
    for _ in range(20):
        assert reason_of("[" * 20 + text) in {strict_json.TOO_DEEP, strict_json.TOO_LARGE}
        assert reason_of(text + "[" * 16, max_bytes=100_000)


def test_what_is_not_finite_is_not_written_either() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        strict_json.dumps({"a": math.nan})
    assert strict_json.dumps({"a": [1, "é"]}) == '{"a":[1,"é"]}'
