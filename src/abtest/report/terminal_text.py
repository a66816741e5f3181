"""How text is put on a terminal: indented, folded, in pairs and in columns; never cut."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

INDENT = 2
GAP = 2

# A cell is its lines; a table is its header and its rows of cells.
Cell = tuple[str, ...]
Line = tuple[Cell, ...]


def print_title(title: str, console: Console) -> None:
    """A heading, after an empty line."""
    console.print()
    put(Text(title, style="bold underline"), console, by=0)


def print_pairs(pairs: Sequence[tuple[str, str]], console: Console, *, by: int = INDENT) -> None:
    """Names in one column, and what belongs to them in the next."""
    width = max(cell_len(name) for name, _ in pairs)
    for name, value in pairs:
        put_pair(Text(name, style="dim"), Text(value), width, console, by=by)


def put_pair(name: Text, value: Text, width: int, console: Console, *, by: int = INDENT) -> None:
    """A name, and a value that is wrapped in a column of its own beside it."""
    room = max(console.width - by - width - GAP, 1)
    for index, line in enumerate(value.wrap(console, room, overflow="fold")):
        head = name.copy() if index == 0 else Text()
        head.pad_right(width + GAP - head.cell_len)
        put(Text.assemble(head, line), console, by=by)


def put(text: Text, console: Console, *, by: int = INDENT) -> None:
    """Print a text with every line indented, folded where it is too long, never cut."""
    for line in text.wrap(console, max(console.width - by, 1), overflow="fold"):
        line.rstrip()
        console.print(Text.assemble(" " * by, line), soft_wrap=True)


def column_widths(lines: Sequence[Line]) -> list[int]:
    """How wide each column of a table must be."""
    columns = zip(*lines, strict=True)
    return [max(cell_len(text) for cell in column for text in cell) for column in columns]


def fits(widths: Sequence[int], console: Console) -> bool:
    """Whether a table with these columns is no wider than the terminal."""
    return INDENT + sum(widths) + GAP * (len(widths) - 1) <= console.width


def print_header(header: Line, widths: Sequence[int], console: Console) -> None:
    """The header, with every title resting on the line above the numbers."""
    height = max(len(cell) for cell in header)
    raised = [(*[""] * (height - len(cell)), *cell) for cell in header]
    for texts in zip(*raised, strict=True):
        put(Text(_columns(texts, widths), style="dim"), console)


def print_table(lines: Sequence[Line], widths: Sequence[int], console: Console) -> None:
    """Rows of cells; only the first line of a row is set in full strength."""
    for line in lines:
        for level, texts in enumerate(zip_longest(*line, fillvalue="")):
            style = "" if level == 0 else "dim"
            put(Text(_columns(texts, widths), style=style), console)


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """A table; where it does not fit, a list of its rows without their empty cells."""
    lines: list[Line] = [tuple((cell,) for cell in row) for row in (header, *rows)]
    widths = column_widths(lines)
    if fits(widths, console):
        print_header(lines[0], widths, console)
        print_table(lines[1:], widths, console)
        return
    for row in rows:
        put(Text(row[0], style="bold"), console)
        told = [(name, cell) for name, cell in zip(header[1:], row[1:], strict=True) if cell]
        print_pairs(told, console, by=2 * INDENT)


def _columns(texts: Sequence[str], widths: Sequence[int]) -> str:
    """The first text to the left of its column, the others to the right of theirs."""
    told = set_cell_size(texts[0], widths[0])
    for text, width in zip(texts[1:], widths[1:], strict=True):
        told += " " * (GAP + width - cell_len(text)) + text
    return told.rstrip()
