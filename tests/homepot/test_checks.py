"""Production refuses to start with unsafe values, and says the cure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import checks as django_checks
from django.db import connection

from kernel import checks
from tests.database_cleaning import SUPERUSER_URL
from tests.services import ROOT

GOOD = "aK3-very_long.and/random+looking~value=0123456789"
OTHER = "Zq8-another_long.and/random+looking~value=987654"


@pytest.fixture
def production(settings: Any) -> Any:
    settings.HOMEPOT_MODE = "production"
    settings.SECRET_KEY = GOOD
    settings.JWT_KEYS = f"k1:{OTHER}"
    settings.DEVICE_PROVISION_KEY = GOOD
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["pot.example"]
    settings.ENFORCE_HTTPS = True
    return settings


def _ids(found: list[django_checks.CheckMessage]) -> set[str | None]:
    assert all(message.hint for message in found), "every finding names its cure"
    return {message.id for message in found}


def _static_findings() -> set[str | None]:
    return _ids(checks.secrets_are_set(None)) | _ids(checks.production_has_its_parts(None))


def test_good_values_pass(production: Any) -> None:
    assert _static_findings() - {"homepot.E004"} == set()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "unset", "homepot.E001"),
        ("SECRET_KEY", "changeme-changeme-changeme-changeme-changeme", "homepot.E001"),
        ("SECRET_KEY", "a" * 60, "homepot.E001"),
        ("JWT_KEYS", "", "homepot.E002"),
        ("JWT_KEYS", f"k1:{OTHER},k2:short", "homepot.E002"),
        ("JWT_KEYS", f"k1:{GOOD}", "homepot.E002"),
        ("DEVICE_PROVISION_KEY", "", "homepot.E003"),
        ("REDIS_URL", "", "homepot.E005"),
        ("DEBUG", True, "homepot.E006"),
        ("ALLOWED_HOSTS", ["*"], "homepot.E007"),
        ("ALLOWED_HOSTS", [], "homepot.E007"),
        ("ENFORCE_HTTPS", False, "homepot.W001"),
    ],
)
def test_an_unsafe_value_is_named(production: Any, name: str, value: object, expected: str) -> None:
    setattr(production, name, value)

    assert expected in _static_findings()


@pytest.mark.embedded_only
def test_sqlite_is_refused(production: Any) -> None:
    assert "homepot.E004" in _static_findings()


def test_other_modes_are_left_alone(settings: Any) -> None:
    settings.SECRET_KEY = "short"

    assert _static_findings() == set()


@pytest.mark.production_only
@pytest.mark.django_db
def test_the_app_role_passes(production: Any) -> None:
    assert "homepot.E008" not in _ids(checks.database_role_is_confined(None))


@pytest.mark.production_only
@pytest.mark.django_db(transaction=True)
def test_a_role_that_bypasses_row_security_is_refused(production: Any) -> None:
    with _connected_as_superuser():
        assert "homepot.E008" in _ids(checks.database_role_is_confined(None))


@pytest.mark.production_only
@pytest.mark.django_db
def test_commits_that_a_crash_may_lose_are_refused(production: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")

    assert "homepot.E009" in _ids(checks.database_role_is_confined(None))


@contextmanager
def _connected_as_superuser() -> Iterator[None]:
    address = urlsplit(os.environ[SUPERUSER_URL])
    of_the_app = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update(USER=address.username, PASSWORD=address.password)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(of_the_app)


@pytest.mark.e2e
@pytest.mark.embedded_only
@pytest.mark.parametrize("command", ["serve", "ticker"])
def test_a_production_process_without_its_settings_ends_with_the_cure(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOMEPOT_MODE": "production"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    for expected in (
        "homepot.E001",
        "homepot.E002",
        "homepot.E003",
        "homepot.E004",
        "homepot.E005",
    ):
        assert expected in done.stderr
    assert "DATABASE_URL=postgresql://" in done.stderr
    assert "Traceback" not in done.stderr
