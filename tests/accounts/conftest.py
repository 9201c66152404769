"""Fixtures of the accounts tests.

pytest loads this file before Django has its settings, so the fixtures import what needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from accounts.models import User
    from accounts.types import LoggedIn


@pytest.fixture
def api() -> APIClient:
    """An API client that has not signed in."""
    from rest_framework.test import APIClient  # noqa: PLC0415

    return APIClient()


@pytest.fixture
def ada(db: None) -> User:
    """A registered user."""
    from tests.accounts import people  # noqa: PLC0415

    return people.make_user()


@pytest.fixture
def session(ada: User) -> LoggedIn:
    """Ada's API session."""
    from tests.accounts import people  # noqa: PLC0415

    return people.sign_in(ada)


@pytest.fixture
def signed_in(session: LoggedIn) -> APIClient:
    """Ada's API client."""
    from tests.accounts import people  # noqa: PLC0415

    return people.client_of(session)
