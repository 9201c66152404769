"""`manage.py generate_traffic`: an installation shown alive, without a trace in real figures."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.product import ProductFailed, ProductProcess, embedded_product, production_product

pytestmark = [pytest.mark.e2e, pytest.mark.embedded_only]

SHORT = ("--duration", "14", "--rate", "15", "--errors", "0.3", "--users", "3")


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


def test_it_wants_to_be_allowed(product: ProductProcess) -> None:
    with pytest.raises(ProductFailed, match="--yes"):
        product.manage("generate_traffic", *SHORT)
    assert _traces(product)["people"] == []


def test_people_do_things_right_and_wrong(said: str) -> None:
    _check_answers(said)


def test_what_it_makes_is_marked_and_counts_nowhere(product: ProductProcess, said: str) -> None:
    _check_traces(_traces(product))


def test_a_second_run_makes_nobody_anew(product: ProductProcess, said: str) -> None:
    before = _traces(product)
    product.manage("generate_traffic", "--yes", *SHORT, "--duration", "4")
    after = _traces(product)
    assert (after["people"], after["devices"]) == (before["people"], before["devices"])


@pytest.mark.postgres
@pytest.mark.redis
def test_it_does_the_same_in_production(postgres_server: Any, redis_server: Any) -> None:
    name = "homepot_traffic"
    postgres_server.create_database(name)
    services = postgres_server.database_environment(name) | redis_server.environment()
    running = production_product(services)
    try:
        running.start()
        _check_answers(running.manage("generate_traffic", "--yes", *SHORT))
        _check_traces(_traces(running))
        assert "Traceback" not in running.log()
    finally:
        running.close()
        postgres_server.drop_database(name)


def _check_answers(said: str) -> None:
    answers = dict(line.split(": ", 1) for line in said.splitlines())
    assert {"list", "read", "sign in", "switch"} <= answers.keys()
    assert "x 200" in answers["list"] and "x 200" in answers["sign in"]
    assert "x 404" in answers["unknown object"]
    assert "x 400" in answers["no JSON"]
    assert not any(" 500" in line for line in answers.values())


def _check_traces(traces: dict[str, Any]) -> None:
    assert len(traces["devices"]) == 4
    assert all(is_simulated and is_own for is_simulated, is_own, _ in traces["devices"])
    assert all(hardware_id.startswith("traffic-") for *_, hardware_id in traces["devices"])
    assert len(traces["people"]) == 3
    assert all(email.endswith("@simulated.homepot.invalid") for email in traces["people"])
    # They were there and measured something, and no figure has it.
    assert traces["counts"]["simulated"] == 4
    assert traces["heard"] > 0
    assert traces["measured"] > 0
    assert (traces["counts"]["real"], traces["counts"]["real_online"]) == (0, 0)
    assert traces["uptime"] is None
    assert traces["aggregated"] == 0


def _traces(product: ProductProcess) -> dict[str, Any]:
    """What the database has of the demo, and what the first of its people sees of it in figures."""
    found: dict[str, Any] = json.loads(
        product.manage("shell", "-v", "0", "-c", _TRACES).splitlines()[-1]
    )
    return found


_TRACES = """
import json
from datetime import timedelta
from django.utils import timezone
from accounts import selectors as accounts
from accounts.models import User
from devices import selectors as devices
from devices.models import Device
from kernel import row_security
from ops import selectors
from telemetry import fleet_selectors
from telemetry.models import LatestMetrics
now = timezone.now()
with row_security.platform_scope("test.traces"):
    people = list(User.objects.filter(email__startswith="demo-").order_by("pk"))
    found = {"people": [user.email for user in people], "devices": []}
    if people:
        actor = accounts.actor_for_user(user_id=people[0].pk)
        rows = Device.objects.unscoped("test").filter(pairing="paired").order_by("pk")
        counts = selectors.counts(actor=actor)
        answer = fleet_selectors.fleet(
            actor=actor, metric="cpu_percent", since=now - timedelta(days=1), until=now, now=now,
            functions=("count",),
        )
        found |= {
            "devices": [
                (row.is_simulated, row.tenant.name == "Demo (simulated)", row.hardware_id)
                for row in rows
            ],
            "heard": rows.filter(presence__last_seen_at__isnull=False).count(),
            "measured": LatestMetrics.objects.unscoped("test").count(),
            "counts": {
                "real": counts.real.total,
                "real_online": counts.real.online,
                "simulated": counts.simulated.total,
            },
            "uptime": devices.uptime_of_all(actor=actor, now=now)["24h"].uptime_percent,
            "aggregated": sum(group.devices for group in answer.groups),
        }
print(json.dumps(found))
"""
