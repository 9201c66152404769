"""`manage.py` that also writes down every statement: `traced_server FILE command`.

One JSON object a line: thread, statement, parameters, affected rows, and the values that a
statement RETURNed are left to the replay to find. Transaction limits are lines too.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import IO, Any

from django.core.management import execute_from_command_line
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from benchmarks.statements import written_value
from homepot.settings.environment import settings_module


class _Trace:
    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, sql: str, parameters: Any = (), rows: int = -1) -> None:
        line = {
            "thread": threading.current_thread().name,
            "sql": sql,
            "parameters": [written_value(value) for value in parameters or ()],
            "rows": rows,
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def watch(self, execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
        result = execute(sql, parameters, many, context)
        if not str(sql).startswith("BEGIN"):
            self.write(str(sql), parameters, context["cursor"].rowcount)
        return result


def _install(trace: _Trace) -> None:
    begin, commit = BaseDatabaseWrapper.set_autocommit, BaseDatabaseWrapper.commit

    def set_autocommit(connection: Any, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        if not autocommit:
            trace.write("BEGIN")
        begin(connection, autocommit, *args, **kwargs)

    def traced_commit(connection: Any) -> None:
        commit(connection)
        trace.write("COMMIT")

    def watch(connection: Any, **_: Any) -> None:
        if trace.watch not in connection.execute_wrappers:
            connection.execute_wrappers.append(trace.watch)

    BaseDatabaseWrapper.set_autocommit = set_autocommit  # type: ignore[method-assign]
    BaseDatabaseWrapper.commit = traced_commit  # type: ignore[method-assign]
    connection_created.connect(watch, weak=False)


def main(path: str, *command: str) -> None:
    """Run the command with every statement written to the file at `path`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123  a growing log
        _install(_Trace(file))
        execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
