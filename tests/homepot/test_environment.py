"""The reader of environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from homepot.settings.databases import postgresql
from homepot.settings.environment import Environment, InvalidSetting
from homepot.settings.secrets import FILE_NAME, made_secrets


def test_a_variable_that_is_not_set_has_its_default() -> None:
    environment = Environment({})

    assert environment.integer("PORT") == 8000
    assert environment.boolean("ENFORCE_HTTPS") is False
    assert environment.items("ALLOWED_HOSTS") == ["localhost", "127.0.0.1", "[::1]"]


def test_a_secret_may_come_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n", encoding="utf-8")

    assert Environment({"SECRET_KEY_FILE": str(tmp_path / "key")}).text("SECRET_KEY") == "s3cret"


def test_the_variable_itself_wins_over_its_file(tmp_path: Path) -> None:
    source = {"SECRET_KEY": "direct", "SECRET_KEY_FILE": str(tmp_path / "missing")}

    assert Environment(source).text("SECRET_KEY") == "direct"


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("Yes", True), ("off", False), ("", False)]
)
def test_yes_and_no_are_read_in_their_usual_spellings(text: str, expected: bool) -> None:
    assert Environment({"HOMEPOT_DEMO": text}).boolean("HOMEPOT_DEMO") is expected


@pytest.mark.parametrize(
    ("name", "text"), [("PORT", "eighty"), ("PORT", "-1"), ("PORT", "1.5"), ("DEBUG", "perhaps")]
)
def test_what_the_kind_does_not_allow_is_refused_with_the_name(name: str, text: str) -> None:
    environment = Environment({name: text})

    with pytest.raises(InvalidSetting, match=name):
        environment.boolean(name) if name == "DEBUG" else environment.integer(name)


def test_an_unknown_variable_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Environment({"TYPO": "1"}).text("TYPO")


def test_a_database_address_is_taken_apart() -> None:
    made = postgresql("postgresql://app%40x:p%2Fw@db.example:5433/pot?sslmode=require")

    assert (made["USER"], made["PASSWORD"]) == ("app@x", "p/w")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example", "5433", "pot")
    assert made["OPTIONS"]["sslmode"] == "require"


def test_an_address_of_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        postgresql("mysql://x/y")


def test_made_secrets_stay_the_same_and_are_the_owners_alone(tmp_path: Path) -> None:
    first = made_secrets(tmp_path / "data")

    assert made_secrets(tmp_path / "data") == first
    assert (tmp_path / "data" / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert len(set(first.values())) == 3


def test_two_installations_have_different_secrets(tmp_path: Path) -> None:
    assert made_secrets(tmp_path / "a") != made_secrets(tmp_path / "b")
