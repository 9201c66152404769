"""Tenants never meet: every route and method, by everyone, with everybody's objects."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from kernel import row_security
from kernel.models import RateWindow
from tests.permissions import bodies, callers, cells, digests
from tests.permissions.callers import Answer, Caller
from tests.permissions.cells import Cell
from tests.permissions.world import UNKNOWN, World, build_world
from tests.rounds import rounds

pytestmark = pytest.mark.core

FEWEST_CELLS = 1500
CALLERS = (
    "anonymous",
    "outsider",
    "viewer",
    "operator",
    "admin",
    "owner",
    "limited operator",
    "platform admin",
    "device",
    "archived device",
)
# Row security knows tenants and no roles: on PostgreSQL one member of each kind says what the
# others would. SQLite, where nothing stands behind the application, hears them all.
ASKED = (
    CALLERS
    if rounds(0, full=1) or connection.vendor == "sqlite"
    else ("anonymous", "outsider", "owner", "limited operator", "platform admin", "device")
)
KEY_HOLDERS = ("near key", "far key", "wrong key")


class Matrix:
    """The world with who asks and what may be asked for."""

    def __init__(self) -> None:
        self.world: World = build_world()
        everyone = callers.callers_of(self.world) + callers.key_holders(self.world)
        self.callers: dict[str, Caller] = {caller.name: caller for caller in everyone}
        self.cells = cells.cells_of(self.world)
        self._bodies = bodies.bodies_for(self.world)
        self._examples = bodies.examples()

    def ask(self, caller: Caller, cell: Cell, *, path: str = "", **headers: str) -> Answer:
        """Have the caller ask for the cell's object (or at another path)."""
        route = cell.route
        key = (route.pattern, route.method)
        shown = self._examples.get((bodies.as_described(route.pattern), route.method), {})
        body = self._bodies.get(key, shown)
        return caller.call(route.method, path or cell.path, body, **headers)


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One transaction for the whole module, so that the world is built once; it never commits."""
    with (
        django_db_blocker.unblock(),
        row_security.platform_scope("tests"),
        transaction.atomic(),
    ):
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def matrix(db: None) -> Matrix:
    """Built once; every test works in a savepoint."""
    return Matrix()


@contextmanager
def undone() -> Iterator[None]:
    """What happens within is as if it had not."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _told(cell: Cell, answer: Answer, why: str) -> str:
    route = cell.route
    shown = answer.content[:160].decode(errors="replace")
    return f"{route.method} {route.pattern} [{cell.label}]: {answer.status} {shown} — {why}"


def test_the_matrix_is_as_large_as_the_product(
    matrix: Matrix, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(matrix.cells) * len(CALLERS) + _key_cells(matrix) * len(KEY_HOLDERS)

    with capsys.disabled():
        sys.stdout.write(f"\ntenant matrix: {count} cells ")
    assert set(matrix.callers) == {*CALLERS, *KEY_HOLDERS}
    assert count >= FEWEST_CELLS


def _key_cells(matrix: Matrix) -> int:
    return sum(cell.row.access == "provision" for cell in matrix.cells)


@pytest.mark.parametrize("name", ASKED)
def test_what_is_foreign_cannot_be_told_from_what_is_not_there(matrix: Matrix, name: str) -> None:
    caller = matrix.callers[name]
    wrong = []
    of_nothing: dict[tuple[str, str], Answer] = {}
    with undone():
        before = digests.digest_of(matrix.world.far)
        for cell in matrix.cells:
            if cell.is_open_to(caller):
                continue
            answer = matrix.ask(caller, cell)
            twin = (cell.route.method, cell.twin_path)
            if twin not in of_nothing:
                of_nothing[twin] = matrix.ask(caller, cell, path=cell.twin_path)
            nothing = of_nothing[twin]
            RateWindow.objects.all().delete()
            if answer.is_success or answer.status >= 500:
                wrong.append(_told(cell, answer, "must be refused"))
            elif name == "owner" and cell.row.access == "user" and answer.status != 404:
                wrong.append(_told(cell, answer, "the object was not even looked for"))
            elif answer != nothing:
                wrong.append(_told(cell, answer, f"unknown: {nothing.status} {nothing.content!r}"))
        after = digests.digest_of(matrix.world.far)
    assert not wrong, "\n".join(wrong)
    assert [table for table in before if before[table] != after[table]] == []


@pytest.mark.parametrize("name", ASKED)
def test_what_is_ones_own_obeys_the_role_and_nothing_ever_breaks(matrix: Matrix, name: str) -> None:
    caller = matrix.callers[name]
    wrong = []
    for cell in matrix.cells:
        if not cell.is_open_to(caller):
            continue
        with undone():
            answer = matrix.ask(caller, cell)
        if why := _problem(cell, caller, answer):
            wrong.append(_told(cell, answer, why))
    assert not wrong, "\n".join(wrong)


def _problem(cell: Cell, caller: Caller, answer: Answer) -> str:
    if answer.status >= 500:
        return "broke"
    access = cell.row.access
    if access == "user" or (access == "provision" and cell.row.least and caller.is_user):
        return _problem_of_user(cell, caller, answer)
    if access == "public":
        return ""
    is_its = {
        "staff": caller.is_platform_admin,
        "device": caller.name == "device",
        "provision": False,
        "metrics": False,
    }[access]
    return f"is for {access} only" if answer.is_success and not is_its else ""


def _problem_of_user(cell: Cell, caller: Caller, answer: Answer) -> str:
    if not caller.is_user:
        is_refused = answer.status == 401 or not cell.route.pattern.startswith(callers.API)
        return "" if is_refused and not answer.is_success else "a stranger is refused with 401"
    if cell.row.least is None or caller.role is None:
        is_logout = cell.route.pattern in {"login/out", "logout", "admin/logout/"}
        is_known = answer.status != 401 and (is_logout or not answer.leads_to_login)
        return "" if is_known else "the user is signed in"
    if not caller.allows(cell.row.least) or (cell.row.is_whole and caller.is_limited):
        is_refused = answer.status == 403 and answer.code in {"", "permission_denied"}
        # That nobody changes an archive may be said first.
        is_over = answer.code == "device_archived"
        return "" if is_refused or is_over else "403 is the answer to too low a role"
    is_let_in = answer.status not in {401, 403, 404} and not answer.leads_to_login
    return "" if is_let_in else "the role suffices"


@pytest.mark.parametrize("name", ASKED)
def test_a_foreign_tenant_in_the_header_is_one_that_does_not_exist(
    matrix: Matrix, name: str
) -> None:
    caller = matrix.callers[name]
    wrong = []
    with undone():
        before = digests.digest_of(matrix.world.far)
        for cell in matrix.cells:
            is_api = cell.route.pattern.startswith(callers.API)
            if not is_api or cell.row.access != "user" or cell.label not in {"nothing", "far"}:
                continue
            foreign = matrix.ask(caller, cell, HTTP_X_TENANT=matrix.world.far.tenant.uid)
            unknown = matrix.ask(caller, cell, HTTP_X_TENANT=UNKNOWN)
            RateWindow.objects.all().delete()
            if foreign.is_success or foreign != unknown:
                wrong.append(_told(cell, foreign, f"unknown: {unknown.status}"))
        after = digests.digest_of(matrix.world.far)
    assert not wrong, "\n".join(wrong)
    assert before == after


@pytest.mark.parametrize("name", KEY_HOLDERS)
def test_a_provisioning_key_opens_its_own_tenant_only(matrix: Matrix, name: str) -> None:
    caller = matrix.callers[name]
    wrong = []
    opened = set()
    for cell in matrix.cells:
        if cell.row.access != "provision":
            continue
        with undone():
            before = digests.digest_of(matrix.world.near), digests.digest_of(matrix.world.far)
            answer = matrix.ask(caller, cell)
            after = digests.digest_of(matrix.world.near), digests.digest_of(matrix.world.far)
        with undone():
            nothing = matrix.ask(caller, cell, path=cell.twin_path)
        if answer.is_success:
            opened.add(cell.label)
        elif answer.status >= 500 or answer != nothing or before != after:
            wrong.append(_told(cell, answer, f"unknown: {nothing.status} {nothing.content!r}"))
        theirs = 1 if name == "near key" else 0
        if before[theirs] != after[theirs]:
            wrong.append(_told(cell, answer, "changed the other tenant"))
    assert not wrong, "\n".join(wrong)
    expected = {"near key": {"nothing", "own"}, "far key": {"nothing", "far"}, "wrong key": set()}
    assert opened == expected[name]


def test_a_body_that_names_what_is_foreign_is_one_that_names_nothing(matrix: Matrix) -> None:
    owner, far = matrix.callers["owner"], matrix.world.far
    nowhere = bodies.bodies_naming("nowhere-1", UNKNOWN, matrix.world)
    foreign = bodies.bodies_naming(far.site, far.people["admin"].uid, matrix.world)
    wrong = []
    for (path, method), body in foreign.items():
        answers = []
        for given in (body, nowhere[path, method]):
            with undone():
                answer = owner.call(method, f"/{callers.API}{path}", given)
                echoed = answer.content.replace(far.site.encode(), b"nowhere-1")
                answers.append((answer.status, echoed))
        if answers[0] != answers[1] or answers[0][0] not in {400, 404}:
            wrong.append(f"{method} {path}: {answers}")
    assert not wrong, "\n".join(wrong)


def test_a_list_that_names_a_foreign_site_gets_the_verdict_of_an_unknown_one(
    matrix: Matrix,
) -> None:
    owner, verdicts = matrix.callers["owner"], []
    for site in (matrix.world.far.site, "nowhere-1"):
        rows = [{"device_id": "listed-1", "site": site}]
        with undone():
            answer = owner.call(
                "POST", f"/{callers.API}enrolments", {"mode": "api_key", "rows": rows}
            )
        verdicts.append(json.loads(answer.content)["rows"])

    assert verdicts[0] == verdicts[1]
    assert verdicts[0][0]["verdict"] == "invalid"
