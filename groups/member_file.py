"""Members of groups as spreadsheets have them: CSV with a header row. Pure functions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kernel.errors import ValidationFailed
from kernel.spreadsheets import GUARD, harmless

COLUMNS: Final = (
    "uid", "device_id", "name", "site", "device_class", "model", "firmware_version", "tags",
    "connectivity", "last_seen_at",
)  # fmt: skip


def written(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The file piece by piece; no cell of it is taken for a formula."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line([harmless(cell) for cell in row])


def uids_of(body: bytes, *, limit: int) -> list[str]:
    """The uids in the column `uid` of a file, in order; other columns do not matter.

    A byte order mark, `;` between cells and any line ending are fine, and a downloaded file can be
    sent back. Raises ValidationFailed for what is no such file.
    """
    text = _text(body)
    header, _, _ = text.partition("\n")
    separator = ";" if header.count(";") > header.count(",") else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(lines, [])]
        if columns.count("uid") != 1:
            raise _refused("The first line must name a column uid, once.")
        place = columns.index("uid")
        uids = [_bare(cells[place]) for cells in lines if len(cells) > place]
    except csv.Error as error:
        raise _refused(f"Line {lines.line_num} is no CSV: {error}.") from None
    uids = [uid for uid in uids if uid]
    if len(uids) > limit:
        raise _refused(f"At most {limit} devices at once.")
    return uids


def _line(cells: Sequence[str]) -> bytes:
    written_to = io.StringIO()
    csv.writer(written_to).writerow(cells)
    return written_to.getvalue().encode()


def _bare(cell: str) -> str:
    return cell.strip().removeprefix(GUARD)


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("Save the file as UTF-8.") from None
    if "\0" in text:
        raise _refused("A NUL has no place in a CSV file.")
    return text


def _refused(sentence: str) -> ValidationFailed:
    return ValidationFailed("The body is no acceptable CSV.", details={"body": [sentence]})
