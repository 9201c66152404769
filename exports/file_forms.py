"""How rows are written into a file: CSV that no spreadsheet takes for formulas, or NDJSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from exports.choices import FileFormat
from exports.types import Cell
from kernel.spreadsheets import harmless

BOM: Final = "\ufeff".encode()
MEDIA_TYPES: Final = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.NDJSON: "application/x-ndjson",
}


def beginning(*, file_format: str, columns: Sequence[str], has_bom: bool) -> bytes:
    """What comes before the first row: of CSV the header, and a byte order mark if wanted."""
    if file_format != FileFormat.CSV:
        return b""
    return (BOM if has_bom else b"") + _lines([columns])


def written(*, file_format: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The rows, each with as many cells as there are columns."""
    if file_format == FileFormat.CSV:
        return _lines([_csv_cell(cell) for cell in row] for row in rows)
    return b"".join(_object(columns, row) for row in rows)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat()
    return harmless(_json(cell))


def _object(columns: Sequence[str], row: Sequence[Cell]) -> bytes:
    return _json(dict(zip(columns, row, strict=True))).encode() + b"\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_told)


def _told(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
