"""Production refuses to start with unsafe values, and says the cure."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core import checks as django_checks
from django.db import connection

from kernel import checks
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
def test_the_app_role_passes_and_a_superuser_does_not(
    production: Any, postgres_server: Any
) -> None:
    assert "homepot.E008" not in _ids(checks.database_role_is_confined(None))

    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'postgres'")
        assert cursor.fetchone() == (True,), "the test below would prove nothing"


@pytest.mark.production_only
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(False,), ("on", "on")], set()),
        ([(True,), ("on", "on")], {"homepot.E008"}),
        ([None, ("on", "on")], {"homepot.E008"}),
        ([(False,), ("off", "on")], {"homepot.E009"}),
        ([(False,), ("on", "off")], {"homepot.E009"}),
    ],
)
def test_what_the_database_says_of_the_role_and_of_its_commits_counts(
    production: Any, monkeypatch: pytest.MonkeyPatch, rows: list[Any], expected: set[str]
) -> None:
    class Cursor:
        def __init__(self) -> None:
            self.answers = list(rows)

        def __enter__(self) -> Cursor:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def execute(self, statement: str) -> None:
            assert statement.startswith("SELECT")

        def fetchone(self) -> Any:
            return self.answers.pop(0)

    monkeypatch.setattr(type(connection), "cursor", lambda self: Cursor())

    assert _ids(checks.database_role_is_confined(None)) == expected


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
