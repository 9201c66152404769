"""The pages of bulk enrolment: the verdict, the start, the keys, and who may see them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from devices import selectors as devices
from tests.devices.enrolment_lists import run_all, unpacked
from tests.ops.households import Person, member, person, secret_in, site

pytestmark = [pytest.mark.django_db, pytest.mark.core]

LIST = "device_id,name,site\ntill-1,Front till,shop\ntill-2,Back till,\nno good,Broken,nowhere\n"


@pytest.fixture
def ada(db: None) -> Person:
    """Who takes devices in."""
    found = person("ada@example.com")
    site(found, "Shop")
    return found


@pytest.fixture
def bob(db: None) -> Person:
    """Somebody else, with a tenant of their own."""
    return person("bob@example.com")


def _upload(who: Person, text: str = LIST, status: int = 302, **more: Any) -> Any:
    file = SimpleUploadedFile("devices.csv", text.encode(), content_type="text/csv")
    return who.post("/dashboard/enrol", status, file=file, **more)


def _done(who: Person) -> tuple[str, str]:
    where = _upload(who)["Location"]
    shown = who.post(f"{where}/start", 200).content.decode()
    run_all()
    return where, secret_in(shown)


def test_a_list_is_checked_and_every_problem_stands_in_its_row(ada: Person) -> None:
    where = _upload(ada)["Location"]

    body = ada.page(where)

    assert "Enrol 2 devices" in body
    assert "no spaces" in body
    assert "There is no such site." in body
    assert devices.devices_visible_to(ada.actor).count() == 0
    only = ada.page(f"{where}?rows=invalid")
    assert "Broken" in only
    assert "Front till" not in only
    assert "3 devices" in ada.page("/dashboard/enrol")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The first line must name the columns."),
        ("name\nTill\n", "device_id is missing."),
        ("device_id,colour\nx,red\n", "Unknown: colour."),
        ("device_id\n", "From 1 to 10000 rows."),
    ],
)
def test_what_is_no_list_is_told_beside_the_form(ada: Person, text: str, said: str) -> None:
    assert said in _upload(ada, text, 400).content.decode()
    assert devices.enrolments_visible_to(ada.actor).count() == 0


def test_a_form_without_a_file_says_so(ada: Person) -> None:
    assert "Choose a file first." in ada.post("/dashboard/enrol", 400).content.decode()


def test_the_site_of_the_form_is_for_rows_that_name_none(ada: Person) -> None:
    where = _upload(ada, "device_id\ntill-1\n", site="shop")["Location"]
    ada.post(f"{where}/start", 200)
    run_all()
    assert "till-1" in ada.page("/dashboard/sites/shop")


def test_the_passphrase_is_shown_once(ada: Person) -> None:
    where = _upload(ada)["Location"]

    answer = ada.post(f"{where}/start", 200)

    passphrase = secret_in(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    again = ada.post(f"{where}/start", 409).content.decode()
    assert passphrase not in again
    assert passphrase not in ada.page(where)


def test_progress_survives_a_reload(ada: Person) -> None:
    where = _upload(ada)["Location"]
    ada.post(f"{where}/start", 200)
    assert "Waiting to begin" in ada.page(where)

    run_all()

    body = ada.page(where)
    assert 'value="2" data-progress' in body
    assert "Download once" in body


def test_the_keys_are_taken_away_once(ada: Person) -> None:
    where, passphrase = _done(ada)

    wrong = ada.post(f"{where}/keys", 403, passphrase="wrong").content.decode()
    assert "This is not the passphrase" in wrong
    answer = ada.post(f"{where}/keys", 200, passphrase=passphrase.lower())

    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    assert "till-1" in "".join(unpacked(answer.content, passphrase).values())
    gone = ada.post(f"{where}/keys", 409, passphrase=passphrase).content.decode()
    assert "downloaded already" in gone
    assert "are wiped here" in ada.page(where)


def test_wrong_passphrases_are_counted(ada: Person) -> None:
    where, passphrase = _done(ada)
    for _ in range(5):
        ada.post(f"{where}/keys", 403, passphrase="wrong")

    answer = ada.post(f"{where}/keys", 429, passphrase=passphrase)

    assert int(answer["Retry-After"]) > 0


def test_an_enrolment_is_discarded_once_and_again(ada: Person) -> None:
    where = _upload(ada)["Location"]
    for _ in range(2):
        ada.post(f"{where}/cancel")
    assert "Cancelled" in ada.page(where)
    ada.post(f"{where}/start", 409)


def test_a_foreign_enrolment_is_like_none(ada: Person, bob: Person) -> None:
    where, passphrase = _done(ada)
    bob.page(where, 404)
    for deed in ("start", "cancel", "keys"):
        bob.post(f"{where}/{deed}", 404, passphrase=passphrase)
    assert "Download once" in ada.page(where)


def test_an_operator_takes_nothing_in(ada: Person) -> None:
    where, passphrase = _done(ada)
    operator = member(ada, "operator")
    operator.page("/dashboard/enrol", 403)
    operator.page(where, 403)
    operator.post(f"{where}/keys", 403, passphrase=passphrase)
    assert "Download once" in ada.page(where)


def test_who_belongs_to_several_says_for_whom_the_list_is(ada: Person) -> None:
    ada.post("/dashboard/organisations/new", name="Northside")
    ada.post("/tenant", tenant="")

    assert "for whom?" in ada.page("/dashboard/enrol")
    assert f'name="tenant" value="{ada.home}"' in ada.page(f"/dashboard/enrol?tenant={ada.home}")
    _upload(ada, status=302, tenant=ada.home)

    (made,) = devices.enrolments_visible_to(ada.actor)
    assert made.tenant.uid == ada.home
