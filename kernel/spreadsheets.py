"""Cells of files that spreadsheets open."""

from __future__ import annotations

from typing import Final

# Spreadsheets take cells that begin so for formulas.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
GUARD: Final = "'"


def harmless(cell: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return GUARD + cell if cell.startswith(_FORMULAS) else cell
