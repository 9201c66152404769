"""What every page and form keeps to: tokens against forged forms, no frames, no way out, safe files."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import pyzipper
from django.test import Client
from django.utils import timezone

from accounts.models import User
from devices.services.enrolment_pack import EnrolledRow, pack_codes, pack_keys
from kernel.spreadsheets import harmless
from telemetry.exporting import safe_cell
from tests.accounts import people
from tests.architecture.routes import Route, routes

pytestmark = pytest.mark.django_db

# Asked by programs; they bring a key in a header that no other site can send.
_API: Final = ("api/", "health", "metrics")
# Who has the link of a mail may use it; a mail program posts it (RFC 8058).
WITHOUT_TOKEN: Final = {"notifications/link/<str:token>"}
_POLICY: Final = {
    "frame-ancestors 'none'",
    "script-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
}
FORMULAS: Final = (
    '=HYPERLINK("http://bait.example","x")',
    "+1+1",
    "-1+1|cmd",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
)
ELSEWHERE: Final = (
    "https://bait.example/",
    "//bait.example/",
    "///bait.example/",
    "/\\bait.example/",
    "\\\\bait.example/",
    "https:bait.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:///bait.example",
    "/\t/bait.example/",
    "https://testserver@bait.example/",
    "https://testserver.bait.example/",
)


@pytest.fixture
def admin(db: None) -> User:
    return people.make_admin()


def _pages(method: str) -> list[Route]:
    """Every page or form; of the administration, which has the same few for every model, two."""
    ours = ("admin/auth/group/", "admin/devices/device/")
    return [
        route
        for route in routes()
        if route.method == method
        and not route.pattern.startswith(_API)
        and (not route.pattern.startswith("admin/") or route.pattern.startswith(ours))
    ]


def test_no_form_is_taken_without_its_token(admin: User) -> None:
    browser = people.browser_of(admin, enforce_csrf_checks=True, raise_request_exception=False)
    posts = [route for route in _pages("POST") if route.pattern not in WITHOUT_TOKEN]
    answers = {route.pattern: browser.post(route.path, {"next": "/"}) for route in posts}
    assert len(answers) > 90
    assert {name: one.status_code for name, one in answers.items() if one.status_code != 403} == {}
    assert [name for name, one in answers.items() if not _is_guarded(one)] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 302), ("/dashboard/nothing", 404), ("/static/nothing.js", 404), ("/logout", 405)],
)
def test_an_answer_that_is_no_page_keeps_the_same_policy(path: str, status: int) -> None:
    """Pages themselves are looked at in Chromium, each (tests/browser/test_every_page.py)."""
    answer = Client().get(path)
    assert answer.status_code == status
    assert _is_guarded(answer)


def _is_guarded(answer: Any) -> bool:
    policy = {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
    told = (answer.headers["X-Frame-Options"], answer.headers["X-Content-Type-Options"])
    return policy >= _POLICY and told == ("DENY", "nosniff")


def test_no_form_is_taken_from_another_site(admin: User) -> None:
    browser = people.browser_of(admin, enforce_csrf_checks=True)
    form = {"next": "/", "csrfmiddlewaretoken": browser.cookies["homepot_csrf"].value}
    there = {"Origin": "https://bait.example"}
    assert browser.post("/logout", form, headers=there).status_code == 403
    assert browser.post("/logout", form).status_code == 302


def test_nothing_leads_to_another_site(admin: User) -> None:
    inside, stranger = people.browser_of(admin), Client()
    for target in ELSEWHERE:
        answers = {
            "login of who is in": inside.get("/login", {"next": target}),
            "chosen tenant": inside.post("/tenant", {"next": target, "tenant": ""}),
            "administration's login": stranger.get("/admin/login/", {"next": target}),
            "app's front door": stranger.get("/app", {"next": target}),
        }
        for name, answer in answers.items():
            assert answer.status_code == 302, (name, target)
            assert _stays_here(answer["Location"]), (name, target, answer["Location"])
        page = stranger.get("/login", {"next": target}).content.decode()
        assert "bait" not in page
        assert "alert(1)" not in page


@pytest.mark.parametrize("target", ELSEWHERE[:3])
def test_no_login_leads_to_another_site(admin: User, target: str) -> None:
    told = {"email": admin.email, "password": people.PASSWORD, "next": target}
    assert _stays_here(Client().post("/login", told)["Location"])


def _stays_here(place: str) -> bool:
    return urlsplit(place).netloc == "" and bool(re.match(r"/(?![/\\])", place))


@pytest.mark.parametrize("name", FORMULAS)
def test_no_spreadsheet_runs_a_name(name: str) -> None:
    """Members of a group (tests/groups) and exports write their cells with the same function."""
    assert harmless(name) == safe_cell(name) == f"'{name}"


def test_no_file_of_keys_runs_a_name() -> None:
    rows = [EnrolledRow(device_id="a", hardware_id="b", uid="u", name=name, secret="s" * 8)
            for name in FORMULAS]  # fmt: skip
    packed = [
        pack_keys(rows, passphrase="open it"),
        pack_codes(rows, origin="https://h", expires_at=timezone.now(), passphrase="open it"),
    ]
    for archive in packed:
        with pyzipper.AESZipFile(io.BytesIO(archive)) as opened:
            text = opened.read("keys.csv", pwd=b"open it").decode()
        cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
        assert {f"'{name}" for name in FORMULAS} <= set(cells)
        assert not set(FORMULAS) & set(cells)
