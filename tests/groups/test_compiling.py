"""The compiled query finds exactly the devices that the plain evaluator says meet it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from devices.selectors import conditions
from groups.compiling import compile_query
from groups.fact_selectors import facts_of
from groups.query import Query, matches, to_text
from tests.groups.fleets import NOW, random_fleet
from tests.groups.query.queries import queries
from tests.rounds import rounds

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@pytest.mark.parametrize("seed", range(rounds(1, full=20)))
def test_compiled_queries_find_what_the_evaluator_finds(seed: int) -> None:
    keys = random_fleet(seed, size=80)
    facts = facts_of(keys)
    found_some = found_all = 0

    @settings(
        max_examples=rounds(300, full=500),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(queries())
    def agree(query: Query) -> None:
        nonlocal found_some, found_all
        devices = conditions.lives_by_key(keys).filter(compile_query(query, NOW))
        found = sorted(devices.values_list("pk", flat=True))
        expected = sorted(pk for pk in keys if matches(query, facts[pk], NOW))
        assert found == expected, to_text(query)
        found_some += 0 < len(found) < len(keys)
        found_all += len(found) in {0, len(keys)}

    agree()
    # Queries that find nothing or everything would prove nothing.
    assert found_some > found_all
