"""One world for all tests of a module that look only; each test's own changes are undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

if TYPE_CHECKING:
    from tests.permissions.world import World


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The two tenants with a row in every table."""
    from kernel import row_security  # noqa: PLC0415  after Django is set up
    from tests.admin.world import fill  # noqa: PLC0415
    from tests.permissions.world import build_world  # noqa: PLC0415

    with (
        django_db_blocker.unblock(),
        row_security.platform_scope("tests"),
        transaction.atomic(),
    ):
        world = build_world()
        fill((world.near, world.far))
        yield world
        transaction.set_rollback(True)


@pytest.fixture
def world(built: World, db: None) -> World:
    """The same, within the transaction of the test."""
    return built
