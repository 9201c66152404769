"""Members as spreadsheets: no cell is a formula, and a downloaded file can be sent back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups import member_file
from kernel.errors import ValidationFailed

_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_UID = st.text("abcXYZ019_-", min_size=1, max_size=16)


@given(st.lists(st.tuples(_UID, *[_CELL] * (len(member_file.COLUMNS) - 1)), max_size=5))
def test_a_written_file_reads_back_and_has_no_formula(rows: list[tuple[str, ...]]) -> None:
    body = b"".join(member_file.written(rows))
    assert member_file.uids_of(body, limit=10) == [row[0] for row in rows]
    lines = list(csv.reader(io.StringIO(body.decode(), newline="")))[1:]
    assert len(lines) == len(rows)
    for cells, row in zip(lines, rows, strict=True):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in cells)
        assert [cell.removeprefix("'") for cell in cells] == [
            cell.removeprefix("'") for cell in row
        ]


@pytest.mark.parametrize(
    "body",
    [b"", b"name\nx\n", b"uid,uid\na,b\n", b"\xff", b"uid\n\0", b'uid\n"a', b"uid\na\nb\nc\n"],
)
def test_what_is_no_list_of_uids_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationFailed):
        member_file.uids_of(body, limit=2)


def test_files_of_spreadsheets_are_read() -> None:
    body = "\ufeffName;UID\r\nLobby;abc\r\n;\r\nx;'-d\r\nshort\r\n".encode()
    assert member_file.uids_of(body, limit=2) == ["abc", "-d"]
