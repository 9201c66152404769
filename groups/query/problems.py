"""What is wrong with a query, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at a JSON Pointer, or in a text at a column counted from 1."""

    message: str
    pointer: str = ""
    column: int | None = None


class QueryError(ValueError):
    """The query cannot be understood; `problems` has at least one reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))

    def details(self, under: str) -> dict[str, list[str]]:
        """The reasons as an error's details: by pointer below `under`, as `/query_filter/all/1`.

        Reasons in a text are all at `under` and tell the column.
        """
        told: dict[str, list[str]] = {}
        for problem in self.problems:
            where = "" if problem.column is None else f"Column {problem.column}: "
            told.setdefault(under + problem.pointer, []).append(where + problem.message)
        return told
