"""`manage.py generate_traffic`: an installation shown alive, without a trace in real figures."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.product import ProductFailed, ProductProcess, embedded_product

pytestmark = [pytest.mark.e2e, pytest.mark.embedded_only]

SHORT = ("--duration", "15", "--rate", "12", "--errors", "0.3", "--users", "3")


@pytest.fixture(scope="module")
def product() -> Iterator[ProductProcess]:
    running = embedded_product()
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def said(product: ProductProcess) -> str:
    return product.manage("generate_traffic", "--yes", *SHORT)


def _rows(product: ProductProcess, statement: str) -> list[tuple[Any, ...]]:
    (database,) = (product.folder / "data").glob("*.sqlite3")
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return connection.execute(statement).fetchall()


def test_it_wants_to_be_allowed(product: ProductProcess) -> None:
    with pytest.raises(ProductFailed, match="--yes"):
        product.manage("generate_traffic", *SHORT)
    assert _rows(product, "SELECT count(*) FROM accounts_user WHERE email LIKE 'demo-%'") == [(0,)]


def test_people_do_things_right_and_wrong(said: str) -> None:
    answers = dict(line.split(": ", 1) for line in said.splitlines())
    assert {"list", "read", "sign in", "switch"} <= answers.keys()
    assert "x 200" in answers["list"] and "x 200" in answers["sign in"]
    assert "x 404" in answers["unknown object"]
    assert "x 400" in answers["no JSON"]
    assert not any(" 500" in line for line in answers.values())


def test_what_it_makes_is_marked_and_counts_nowhere(product: ProductProcess, said: str) -> None:
    devices = _rows(
        product,
        "SELECT is_simulated, tenant_id, hardware_id FROM devices_device WHERE pairing = 'paired'",
    )
    (tenant_id,) = _rows(product, "SELECT id FROM accounts_tenant WHERE name = 'Demo (simulated)'")[
        0
    ]
    assert len(devices) == 4
    assert all(row[:2] == (1, tenant_id) and row[2].startswith("traffic-") for row in devices)
    people = _rows(product, "SELECT email FROM accounts_user WHERE email LIKE 'demo-%'")
    assert len(people) == 3
    assert all(email.endswith("@simulated.homepot.invalid") for (email,) in people)
    assert _counts(product) == {"real": 0, "real_online": 0, "simulated": 4}


def test_a_second_run_makes_nobody_anew(product: ProductProcess, said: str) -> None:
    product.manage("generate_traffic", "--yes", *SHORT)
    assert _rows(product, "SELECT count(*) FROM accounts_user WHERE email LIKE 'demo-%'") == [(3,)]
    assert _rows(product, "SELECT count(*) FROM devices_device") == [(4,)]


def _counts(product: ProductProcess) -> dict[str, Any]:
    """The figures that the first of these people sees above the list of devices."""
    return json.loads(product.manage("shell", "-v", "0", "-c", _COUNTS).splitlines()[-1])


_COUNTS = """
import json
from accounts import selectors as accounts
from accounts.models import User
from kernel import row_security
from ops import selectors
with row_security.platform_scope("test.counts"):
    first = User.objects.get(email="demo-1@simulated.homepot.invalid")
    counts = selectors.counts(actor=accounts.actor_for_user(user_id=first.pk))
names = ("real", "real_online", "simulated")
print(json.dumps({name: getattr(counts, name) for name in names}))
"""
