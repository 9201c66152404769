"""Lists of devices as people have them: CSV out of a spreadsheet. Pure functions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from kernel.errors import ValidationFailed

# Cells beyond the header's columns; no column can be called so.
SURPLUS = "\n"


def rows_of_csv(body: bytes, *, limit: int) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """The columns and the rows of a CSV file with a header row; empty lines do not count.

    A byte order mark, `;` between cells and any line ending are fine. Raises ValidationFailed
    for what is no such file, and for one with more than `limit` rows.
    """
    text = _text(body)
    header, _, _ = text.partition("\n")
    separator = ";" if header.count(";") > header.count(",") else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = _columns(next(lines, []))
        return columns, list(_rows(lines, columns, limit))
    except csv.Error as error:
        raise _refused(f"Line {lines.line_num} is no CSV: {error}.") from None


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("Save the file as UTF-8.") from None
    if "\0" in text:
        raise _refused("A NUL has no place in a CSV file.")
    return text


def _columns(header: list[str]) -> tuple[str, ...]:
    named = [cell.strip().lower() for cell in header]
    # A spreadsheet writes a separator for every column it has ever seen.
    while named and not named[-1]:
        named.pop()
    columns = tuple(named)
    if not columns:
        raise _refused("The first line must name the columns.")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ValidationFailed(details={"columns": [f"Named twice: {', '.join(twice)}."]})
    return columns


def _rows(
    lines: Iterator[list[str]], columns: tuple[str, ...], limit: int
) -> Iterator[dict[str, Any]]:
    count = 0
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > limit:
            raise ValidationFailed(details={"rows": [f"At most {limit} rows at once."]})
        row: dict[str, Any] = dict(zip(columns, cells, strict=False))
        if any(cell.strip() for cell in cells[len(columns) :]):
            row[SURPLUS] = len(cells)
        yield row


def _refused(sentence: str) -> ValidationFailed:
    return ValidationFailed("The body is no acceptable CSV.", details={"body": [sentence]})
