"""The statements of one command, as the product issues them, and their bare replay.

The product runs once with a log of its statements. What differs from one command to the next
(its key and uid, the numbers in the tenant's chain and stream, the device's own counter) is
recognised by value: the benchmark starts these counters in ranges of their own. The replay puts
fresh values there, so that every statement finds and changes as many rows as it did originally.
Times move with the clock: a command that was due an answer minutes ago would be swept by the
product, which runs beside, between two of its own statements.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

# Counters of the product are started here before the statements are recorded.
STATE_SEQ_FROM = 600_000_000
COMMAND_ID_FROM = 700_000_000
LIVE_SEQ_FROM = 800_000_000
AUDIT_SEQ_FROM = 900_000_000
_WIDTH = 100_000_000
_UUID7 = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}")
# As Django writes it for SQLite.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")
_SAVED = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT)", re.IGNORECASE)
# The threads that carry out commands; the ticker's are not part of one.
_THREADS = ("web", "database")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as it was executed."""

    sql: str
    parameters: tuple[Any, ...] = ()
    rows: int = -1

    @property
    def subject(self) -> str:
        """The statement without its long column lists, for people."""
        text = re.sub(r"SELECT .*? FROM", "SELECT … FROM", self.sql, count=1)
        text = re.sub(r"\(\"?\w+\"?(, \"?\w+\"?)+\)", "(…)", text)
        return re.sub(r"\s+", " ", text.replace('"', ""))[:150]


# A datetime is a date as well: it comes first.
_WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    timedelta: ("seconds", timedelta.total_seconds),
    uuid.UUID: ("uuid", str),
    bytes: ("bytes", bytes.hex),
    Jsonb: ("jsonb", lambda value: json.dumps(value.obj)),
}


class Driver(Protocol):
    """A raw connection."""

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> tuple[int, list[Any]]:
        """Run it; affected rows and the rows it gave back."""

    def close(self) -> None:
        """Hang up."""


def written_value(value: Any) -> Any:
    """A parameter as JSON that `read_value` understands."""
    if isinstance(value, (list, tuple)):
        return {"list": [written_value(item) for item in value]}
    if isinstance(value, str):
        # Also the plain text of a text enumeration.
        return str.__str__(value)
    for kind, (name, write) in _WRITERS.items():
        if isinstance(value, kind):
            return {name: write(value)}
    return value


def read_value(value: Any) -> Any:
    """The parameter that `written_value` wrote."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    readers: dict[str, Callable[[Any], Any]] = {
        "list": lambda items: [read_value(item) for item in items],
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "seconds": lambda seconds: timedelta(seconds=seconds),
        "uuid": uuid.UUID,
        "bytes": bytes.fromhex,
        "jsonb": lambda text: _Json(text),
    }
    return readers[kind](content)


@dataclass(frozen=True, slots=True)
class _Json:
    text: str


def recorded_commands(path: Path, marks: Sequence[int]) -> list[Statement]:
    """The statements of a typical command; `marks` are the file's sizes between the commands.

    What happens now and then (presence, supervision) is in some of the commands only: the most
    common sequence is the command's own.
    """
    content = path.read_bytes()
    runs = [_in_units(content[start:end].decode().splitlines()) for start, end in pairwise(marks)]
    common = Counter(tuple(step.sql for step in run) for run in runs).most_common(1)[0][0]
    return next(run for run in runs if tuple(step.sql for step in run) == common)


def _in_units(lines: Sequence[str]) -> list[Statement]:
    """Statements in the order their transactions began, each transaction in one piece."""
    units: list[list[Statement]] = []
    open_units: dict[str, list[Statement]] = {}
    for line in lines:
        entry = json.loads(line)
        thread = entry["thread"]
        if not thread.startswith(_THREADS) or _SAVED.match(entry["sql"]):
            continue
        step = Statement(
            entry["sql"], tuple(read_value(value) for value in entry["parameters"]), entry["rows"]
        )
        if step.sql == "BEGIN":
            open_units[thread] = []
            units.append(open_units[thread])
        unit = open_units.get(thread)
        if unit is None:
            units.append([step])
        else:
            unit.append(step)
        if step.sql == "COMMIT":
            open_units.pop(thread, None)
    return [step for unit in units for step in unit]


@dataclass(slots=True)
class Replay:
    """Runs the recorded statements again and again, each time as another command."""

    driver: Driver
    steps: Sequence[Statement]
    # Ahead of what the product did after the command that was kept.
    done: int = 1000
    _uid: str = ""
    _command_id: int = 0
    _live_shift: int = 0
    _last_live_seq: int = 0
    _audit_seq: int = 0
    _passed: timedelta = timedelta()
    _original_uid: str = field(init=False, default="")
    _recorded_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._original_uid = self._find_uid()
        self._recorded_at = self._find_moment()

    def run(self) -> None:
        """One command's statements, commits included."""
        self.done += 1
        self._uid = str(uuid.uuid4())
        self._passed = datetime.now(UTC) - self._recorded_at
        for step in self.steps:
            live = [n for n in _numbers(step.parameters) if _within(n, LIVE_SEQ_FROM)]
            self._live_shift = self._last_live_seq - max(live, default=0)
            parameters = [self._fresh(value) for value in step.parameters]
            rows, given = self.driver.execute(step, parameters)
            if rows != step.rows and step.rows >= 0:
                raise RuntimeError(f"{rows} rows instead of {step.rows}: {step.sql}")
            if given:
                self._note(step.sql, given)

    def _note(self, sql: str, given: list[Any]) -> None:
        """Learn the numbers that the database gave out for this command."""
        first = given[0][0]
        if sql.startswith('INSERT INTO "commands_command" '):
            self._command_id = first
        elif sql.startswith("INSERT INTO kernel_livestream"):
            self._last_live_seq = first
        elif "audit_auditentry" in sql and _within(first, AUDIT_SEQ_FROM):
            self._audit_seq = first + 1

    def _fresh(self, value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return self._fresh_number(value)
        if isinstance(value, (datetime, str)):
            return self._fresh_words(value)
        if isinstance(value, uuid.UUID):
            return uuid.UUID(self._fresh_text(str(value)))
        if isinstance(value, _Json):
            return Jsonb(json.loads(self._fresh_text(value.text)))
        if isinstance(value, list):
            return [self._fresh(item) for item in value]
        return value

    def _fresh_number(self, value: int) -> int:
        if _within(value, STATE_SEQ_FROM):
            return value + self.done
        if _within(value, COMMAND_ID_FROM):
            return self._command_id
        if _within(value, LIVE_SEQ_FROM):
            return value + self._live_shift
        if _within(value, AUDIT_SEQ_FROM):
            return self._audit_seq
        return value

    def _fresh_words(self, value: datetime | str) -> datetime | str:
        if isinstance(value, datetime):
            return value + self._passed
        if _MOMENT.fullmatch(value):
            return str(datetime.fromisoformat(value) + self._passed)
        return self._fresh_text(value)

    def _fresh_text(self, text: str) -> str:
        original = self._original_uid
        text = text.replace(original, self._uid)
        return text.replace(original.replace("-", ""), self._uid.replace("-", ""))

    def _find_uid(self) -> str:
        for step in self.steps:
            if not step.sql.startswith('INSERT INTO "commands_command" '):
                continue
            for value in step.parameters:
                if found := _UUID7.fullmatch(str(value)):
                    return str(uuid.UUID(found[0]))
        raise RuntimeError("No command was recorded.")

    def _find_moment(self) -> datetime:
        """When the recorded command was asked for: the first time that its row tells."""
        for step in self.steps:
            if not step.sql.startswith('INSERT INTO "commands_command" '):
                continue
            for value in step.parameters:
                if isinstance(value, datetime):
                    return value
                if isinstance(value, str) and _MOMENT.fullmatch(value):
                    return datetime.fromisoformat(value).replace(tzinfo=UTC)
        raise RuntimeError("No command was recorded.")


def _within(number: Any, start: int) -> bool:
    return isinstance(number, int) and start <= number < start + _WIDTH


def _numbers(values: Any) -> Any:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _numbers(value)
        elif isinstance(value, int):
            yield value


class PostgresDriver:
    """psycopg with server-side prepared statements."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        # The product makes its scope in each transaction; the floor has it for nothing.
        self._connection.execute("SELECT set_config('app.platform', 'benchmark', false)")
        self._cursor = self._connection.cursor()

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> tuple[int, list[Any]]:
        """Run it prepared; the limits of a transaction are plain statements."""
        is_limit = statement.sql in {"BEGIN", "COMMIT"}
        self._cursor.execute(statement.sql, parameters or None, prepare=not is_limit)
        given = self._cursor.fetchall() if self._cursor.description else []
        return self._cursor.rowcount, given

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class SqliteDriver:
    """sqlite3 with the product's pragmas; its statement cache keeps everything prepared."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=20)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-16000;"
            "PRAGMA foreign_keys=ON;"
        )

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> tuple[int, list[Any]]:
        """Run it; a transaction takes the write lock at its start, as the product's does."""
        if statement.sql == "BEGIN":
            self._connection.execute("BEGIN IMMEDIATE")
            return -1, []
        cursor = self._connection.execute(statement.sql.replace("%s", "?"), parameters)
        return cursor.rowcount, cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
