"""What users arrange for themselves: merge patches, versions, limits."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts import selectors
from accounts.models import Preferences, User
from accounts.services import preferences
from audit.models import AuditEntry
from tests.accounts import people
from tests.accounts.people import assert_refused

pytestmark = [pytest.mark.core, pytest.mark.django_db]
URL = "/api/v1/preferences"
DARK = {"dashboard_settings": {"theme": "dark"}}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\u00e9\u20ac", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text("abc", max_size=2), JSON, max_size=4)


def change(api: APIClient, patch: Any, **headers: str) -> Any:
    return api.patch(URL, patch, headers=headers)


def test_a_new_user_has_an_empty_document_of_version_0(signed_in: APIClient) -> None:
    answer = signed_in.get(URL)
    assert (answer.status_code, answer.json(), answer["ETag"]) == (200, {}, '"0"')
    assert not Preferences.objects.exists()


def test_a_patch_merges_and_null_removes(signed_in: APIClient) -> None:
    assert change(signed_in, DARK).json() == DARK
    nested = {
        "dashboard_settings": {"size": {"w": 2, "h": None}},
        "dashboard_layout": {"a": [None]},
    }
    merged = {
        "dashboard_settings": {"theme": "dark", "size": {"w": 2}},
        "dashboard_layout": {"a": [None]},
    }
    answer = change(signed_in, nested)
    assert (answer.json(), answer["ETag"]) == (merged, '"2"')
    gone = change(signed_in, {"dashboard_settings": {"theme": None}, "dashboard_layout": None})
    assert gone.json() == {"dashboard_settings": {"size": {"w": 2}}}
    assert signed_in.get(URL).json() == gone.json()


def test_a_patch_that_changes_nothing_makes_no_version(signed_in: APIClient) -> None:
    assert [change(signed_in, DARK)["ETag"] for _ in range(2)] == ['"1"', '"1"']
    entries = AuditEntry.objects.unscoped("test").filter(action="accounts.preferences.updated")
    assert [entry.after for entry in entries] == [{"version": 1, "members": ["dashboard_settings"]}]


def test_true_is_not_1(signed_in: APIClient) -> None:
    change(signed_in, {"device_view_state": {"compact": 1}})
    change(signed_in, {"device_view_state": {"compact": True}})
    assert signed_in.get(URL).json()["device_view_state"]["compact"] is True


def test_both_kinds_of_json_are_taken_and_no_other(signed_in: APIClient) -> None:
    for number, kind in enumerate(("application/json", "application/merge-patch+json"), 1):
        body = f'{{"dashboard_layout": {{"n": {number}}}}}'
        answer = signed_in.patch(URL, body, content_type=kind)
        assert (answer.status_code, answer["ETag"]) == (200, f'"{number}"')
    refused = signed_in.patch(URL, "[]", content_type="application/json-patch+json")
    assert_refused(refused, 415, "unsupported_media_type")


@pytest.mark.parametrize("header", ['"1"', "*", '"9", "1"', '"9",\t"1" ,'])
def test_a_change_of_the_version_i_read_is_made(signed_in: APIClient, header: str) -> None:
    change(signed_in, DARK)
    assert change(signed_in, {"dashboard_layout": {}}, **{"If-Match": header})["ETag"] == '"2"'


@pytest.mark.parametrize("header", ['"0"', '"2"', 'W/"1"', '"01"', '""', '"0", W/"1"'])
def test_a_change_of_another_version_is_refused_with_the_present_one(
    signed_in: APIClient, header: str
) -> None:
    change(signed_in, DARK)
    answer = change(signed_in, {"dashboard_settings": None}, **{"If-Match": header})
    details = assert_refused(answer, 412, "precondition_failed")
    assert details == {"etag": '"1"', "current": DARK}
    assert answer["ETag"] == '"1"'
    assert signed_in.get(URL).json() == DARK


def test_a_malformed_if_match_is_not_taken_for_none(signed_in: APIClient) -> None:
    answer = change(signed_in, DARK, **{"If-Match": "1"})
    assert assert_refused(answer, 400, "validation_error").keys() == {"If-Match"}
    assert signed_in.get(URL)["ETag"] == '"0"'


def test_who_has_the_present_version_is_told_so(signed_in: APIClient) -> None:
    change(signed_in, DARK)
    for header in ('"1"', 'W/"1"', "*", '"0", "1"'):
        answer = signed_in.get(URL, headers={"If-None-Match": header})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", '"1"')
    for header in ('"0"', "nonsense", ""):
        assert signed_in.get(URL, headers={"If-None-Match": header}).json() == DARK


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"colour": {}}, "colour"),
        ({"dashboard_layout": []}, "dashboard_layout"),
        ({"dashboard_layout": "x"}, "dashboard_layout"),
        ({"dashboard_settings": {}, "theme": None}, "theme"),
        ({"dashboard_layout": {"text": "x" * 33_000}}, "body"),
        ({"dashboard_layout": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}}}, "body"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    signed_in: APIClient, patch: dict[str, Any], field: str
) -> None:
    assert assert_refused(change(signed_in, patch), 400, "validation_error").keys() == {field}
    assert signed_in.get(URL).json() == {}


def test_eight_levels_and_32_kib_fit(signed_in: APIClient) -> None:
    deep = {"dashboard_layout": {"a": {"b": {"c": {"d": {"e": {"f": {}}}}}}}}
    assert change(signed_in, deep).status_code == 200
    room = 32 * 1024 - len('{"dashboard_layout":{"t":""}}')
    full = {"dashboard_layout": {"a": None, "t": "x" * room}}
    assert change(signed_in, full).status_code == 200
    over = change(signed_in, {"device_view_state": {}})
    assert_refused(over, 400, "validation_error")
    assert change(signed_in, {"dashboard_layout": None}).json() == {}


def test_each_user_has_their_own(signed_in: APIClient) -> None:
    change(signed_in, DARK)
    other = people.client_of(people.sign_in(people.make_user("bob@example.com")))
    assert other.get(URL).json() == {}


@pytest.mark.django_db(transaction=True)
def test_no_merge_is_lost_when_many_come_at_once(ada: User) -> None:
    actor = selectors.actor_for_user(user_id=ada.pk)

    def merge(number: int) -> int:
        patch = {"dashboard_layout": {f"tile{number}": number}}
        return preferences.merge_preferences(
            patch=patch, if_match=None, actor=actor, now=timezone.now()
        ).version

    versions = people.at_once(12, merge)
    assert sorted(versions) == list(range(1, 13))
    kept = preferences.read_preferences(actor=actor)
    assert kept.members["dashboard_layout"] == {f"tile{number}": number for number in range(12)}


@pytest.mark.django_db(transaction=True)
def test_of_many_who_read_the_same_version_one_changes_it(session: Any) -> None:
    clients = [people.client_of(session) for _ in range(8)]
    answers = people.at_once(
        8, lambda number: clients[number].patch(
            URL, {"dashboard_layout": {"by": number}}, headers={"If-Match": '"0"'}
        )
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [412]


def test_a_retry_with_its_key_gets_its_first_answer(signed_in: APIClient) -> None:
    headers = {"If-Match": '"0"', "Idempotency-Key": "k1"}
    answers = [change(signed_in, DARK, **headers) for _ in range(2)]
    assert [(answer.status_code, answer["ETag"]) for answer in answers] == [(200, '"1"')] * 2
