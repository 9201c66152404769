"""The pages that end or change a device's life: who may open them, what a post does."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from devices.services import erasing
from tests.factories.devices import Board, connected_device, switch
from tests.factories.sites import make_site, register
from tests.factories.users import make_user
from tests.ops.console import Person, member, row, secret, unpair

pytestmark = [pytest.mark.core, pytest.mark.django_db]

DEEDS = ("unpair", "release", "rotate", "transfer", "erase")


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def stranger(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def board(owner: Person) -> Board:
    return connected_device(owner.actor, relay_count=2)


# Who may open what


@pytest.mark.parametrize("page", ["lives", *DEEDS])
def test_a_foreign_device_is_as_unknown_as_a_missing_one(
    owner: Person, stranger: Person, board: Board, page: str
) -> None:
    for uid in (board.uid, "nothing-here"):
        stranger.page(f"/dashboard/devices/{uid}/{page}", 404)
        if page != "lives":
            stranger.post(f"/dashboard/devices/{uid}/{page}", 404)
    assert row(board.uid).is_active


@pytest.mark.parametrize("role", ["viewer", "operator"])
@pytest.mark.parametrize("page", DEEDS)
def test_only_who_manages_a_device_may_open_what_ends_or_changes_its_life(
    owner: Person, board: Board, page: str, role: str
) -> None:
    person = member(owner, role)
    person.page(f"/dashboard/devices/{board.uid}/{page}", 403)
    person.post(f"/dashboard/devices/{board.uid}/{page}", 403)
    assert row(board.uid).is_active


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_manage_is_told_so_in_words_and_sees_no_button(
    owner: Person, board: Board, role: str
) -> None:
    body = member(owner, role).page(f"/dashboard/devices/{board.uid}")
    assert (
        f"Keys, transfers and unpairing are for admins and owners; your role here is {role}."
        in body
    )
    assert not any(f"/dashboard/devices/{board.uid}/{page}" in body for page in DEEDS)


def test_an_admin_is_offered_everything_on_the_device_page(owner: Person, board: Board) -> None:
    body = member(owner, "admin").page(f"/dashboard/devices/{board.uid}")
    for page in ("unpair", "release", "rotate", "transfer"):
        assert f'href="/dashboard/devices/{board.uid}/{page}"' in body


def test_a_viewer_finds_every_switch_locked_with_the_reason(owner: Person, board: Board) -> None:
    body = member(owner, "viewer").page(f"/dashboard/devices/{board.uid}")
    switches = re.findall(r'<button class="switch"[^>]*>', body)
    assert len(switches) == 2
    assert all("disabled" in each and "relays-locked" in each for each in switches)
    assert "switching is for operators and above" in body
    assert "data-rename-open" not in body


def test_a_viewer_finds_the_switches_of_the_list_locked(owner: Person) -> None:
    connected_device(owner.actor, relay_count=2)
    for person, locked in ((owner, 0), (member(owner, "viewer"), 2)):
        switches = re.findall(r'<button class="switch"[^>]*>', person.page("/dashboard/devices"))
        assert len([each for each in switches if " disabled" in each]) == locked


def test_posts_need_their_csrf_token(owner: Person, board: Board) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.client.cookies
    for page in DEEDS:
        assert strict.post(f"/dashboard/devices/{board.uid}/{page}").status_code == 403
    assert row(board.uid).is_active


# The device page


def test_the_device_page_tells_its_life_site_name_and_key(owner: Person) -> None:
    make_site(owner.actor, "lobby")
    registered = register(owner.actor, "lobby", "till-7")
    body = owner.page("/dashboard/devices/till-7")
    assert "Paired · life 1" in body
    assert "till-7" in body
    address = re.search(r'href="(/dashboard/sites/lobby[^"]*)"', body)
    assert address
    assert registered.device.uid in owner.page(address[1])
    assert "Registered at a site" in body
    assert f"/dashboard/devices/{registered.device.uid}/lives" in body


def test_an_archived_device_can_be_read_and_nothing_of_it_is_live(
    owner: Person, board: Board
) -> None:
    switch(owner.actor, board, 0, True)
    unpair(owner, board)
    body = owner.page(f"/dashboard/devices/{board.uid}")
    assert "Unpaired · life 1" in body
    assert "This life has ended." in body
    assert "Turn Relay 1 on" in body
    buttons = re.findall(r"<button[^>]*data-(?:switch|all|explicit)[^>]*>", body)
    assert buttons
    assert all(" disabled" in button for button in buttons)
    assert "data-rename-open" not in body
    assert "data-connectivity" not in body
    assert f'href="/dashboard/devices/{board.uid}/unpair"' not in body


# Unpairing


def test_unpairing_says_what_happens_then_opens_the_archive(owner: Person, board: Board) -> None:
    asked = owner.page(f"/dashboard/devices/{board.uid}/unpair")
    for promise in ("The history stays", "The keys end", "Open commands end"):
        assert promise in asked
    assert row(board.uid).is_active, "looking is not doing"
    assert (
        owner.sent_on(f"/dashboard/devices/{board.uid}/unpair") == f"/dashboard/devices/{board.uid}"
    )
    assert not row(board.uid).is_active


def test_unpairing_twice_is_harmless(owner: Person, board: Board) -> None:
    owner.sent_on(f"/dashboard/devices/{board.uid}/unpair")
    first = row(board.uid).unpaired_at
    assert (
        owner.sent_on(f"/dashboard/devices/{board.uid}/unpair") == f"/dashboard/devices/{board.uid}"
    )
    assert row(board.uid).unpaired_at == first
    assert "This life has ended" in owner.page(f"/dashboard/devices/{board.uid}/unpair")


def test_a_device_called_by_its_site_is_unpaired_and_its_archive_found(owner: Person) -> None:
    make_site(owner.actor, "lobby")
    registered = register(owner.actor, "lobby", "till-7")
    assert (
        owner.sent_on("/dashboard/devices/till-7/unpair")
        == f"/dashboard/devices/{registered.device.uid}"
    )


# Releasing


def test_releasing_shows_the_claim_code_once_with_a_picture(
    owner: Person, stranger: Person, board: Board
) -> None:
    body = owner.post(f"/dashboard/devices/{board.uid}/release")
    code = secret(body)
    assert "<svg viewBox=" in body
    assert 'class="qr"' in body
    assert f"http://testserver/claim?code={code}" in body
    assert stranger.sent_on("/dashboard/claim", claim_code=code).startswith("/dashboard/devices/")
    assert code not in owner.page(f"/dashboard/devices/{board.uid}")


def test_releasing_twice_says_that_it_is_done_and_makes_no_second_code(
    owner: Person, board: Board
) -> None:
    owner.post(f"/dashboard/devices/{board.uid}/release")
    again = owner.post(f"/dashboard/devices/{board.uid}/release", 409)
    assert "This life has ended" in again
    assert "data-copy-source" not in again


# A new key


@pytest.mark.parametrize("grace", ["86400", "0", "now", "nonsense"])
def test_a_new_key_is_shown_once_with_what_it_signs_in_as(
    owner: Person, board: Board, grace: str
) -> None:
    body = owner.post(f"/dashboard/devices/{board.uid}/rotate", grace=grace)
    assert len(secret(body)) >= 43
    assert board.uid in body
    page = owner.page(f"/dashboard/devices/{board.uid}")
    assert secret(body) not in page
    assert "New key waiting for its first use" in page


def test_the_answer_with_a_key_is_never_stored(owner: Person, board: Board) -> None:
    for page in ("rotate", "transfer", "release"):
        answer = owner.client.post(f"/dashboard/devices/{board.uid}/{page}")
        assert "no-store" in answer["Cache-Control"]


def test_the_key_of_an_archived_device_cannot_be_renewed(owner: Person, board: Board) -> None:
    unpair(owner, board)
    assert "This life has ended" in owner.post(f"/dashboard/devices/{board.uid}/rotate", 409)


# Erasing


def test_erasing_ends_in_its_report(owner: Person, board: Board) -> None:
    unpair(owner, board)
    assert "Erase for good" in owner.page(f"/dashboard/devices/{board.uid}/erase")
    assert (
        owner.sent_on(f"/dashboard/devices/{board.uid}/erase")
        == f"/dashboard/devices/{board.uid}/erase"
    )
    assert "Waiting to begin" in owner.page(f"/dashboard/devices/{board.uid}/erase")
    owner.sent_on(f"/dashboard/devices/{board.uid}/erase")
    while erasing.run_erasures(timezone.now()):
        pass
    report = owner.page(f"/dashboard/devices/{board.uid}/erase")
    assert "Fields emptied: " in report
    assert "Kept, and why" in report
    assert "Personal data erased" in owner.page(f"/dashboard/devices/{board.uid}")


def test_a_paired_device_is_not_erased(owner: Person, board: Board) -> None:
    assert "Unpair it first" in owner.page(f"/dashboard/devices/{board.uid}/erase")
    assert "This device is paired" in owner.post(f"/dashboard/devices/{board.uid}/erase", 409)


def test_an_admin_reads_that_erasing_is_for_owners(owner: Person, board: Board) -> None:
    unpair(owner, board)
    admin = member(owner, "admin")
    body = admin.page(f"/dashboard/devices/{board.uid}/erase")
    assert "Erasing is for owners. Your role here is admin." in body
    assert "Erase for good" not in body
    admin.post(f"/dashboard/devices/{board.uid}/erase", 403)
