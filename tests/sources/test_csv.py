from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from abtest import DataError
from abtest.sources.csv_header import read_csv_header
from sources.tables_by_hand import read, texts, write

if TYPE_CHECKING:
    from pathlib import Path

ARABIC = "مجموعة القسيمة"
ROWS = [("007", 1.5), ("8", 2.0)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", "id,amount\n007,1.5\n8,2\n"),
        ("no last line end.csv", "id,amount\n007,1.5\n8,2"),
        ("bom.csv", "\ufeffid,amount\n007,1.5\n8,2\n"),
        ("windows.csv", "id,amount\r\n007,1.5\r\n8,2\r\n"),
        ("old mac.csv", "id,amount\r007,1.5\r8,2\r"),
        ("old mac quoted.csv", '"id",amount\r"007",1.5\r8,2\r'),
        ("semicolon.csv", "id;amount\n007;1.5\n8;2\n"),
        ("tab.tsv", "id\tamount\n007\t1.5\n8\t2\n"),
        ("bar.txt", "id|amount\n007|1.5\n8|2\n"),
        ("quoted.csv", '"id","amount"\n"007","1.5"\n"8","2"\n'),
        ("packed.csv.gz", "id,amount\n007,1.5\n8,2\n"),
        ("PACKED.CSV.GZ", "id,amount\n007,1.5\n8,2\n"),
        ("row numbers.csv", ",id,amount\n0,007,1.5\n1,8,2\n"),
        ("trailing comma.csv", "id,amount,\n007,1.5,\n8,2,\n"),
        ("blank line.csv", "id,amount\n007,1.5\n\n8,2\n"),
        ("names with commas.csv", 'id;amount;"a, b, c"\n007;1.5;x\n8;2;y\n'),
        ("name over two lines.csv", 'id,amount,"a\nb"\n007,1.5,x\n8,2,y\n'),
        ("orders [v2].csv", "id,amount\n007,1.5\n8,2\n"),
        ("it's.csv", "id,amount\n007,1.5\n8,2\n"),
        (f"{ARABIC} 🎁.csv", "id,amount\n007,1.5\n8,2\n"),
    ],
)
def test_every_csv_in_the_wild_reads_the_same(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path / name, content)
    assert read(path, ("id", "text"), ("amount", "number")) == ROWS


def test_a_star_in_a_name_is_a_star(tmp_path: Path) -> None:
    write(tmp_path / "orders_old.csv", "id,amount\n9,9\n")
    path = write(tmp_path / "orders*.csv", "id,amount\n007,1.5\n8,2\n")
    assert read(path, ("id", "text"), ("amount", "number")) == ROWS


def test_quoted_cells_may_hold_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,note\n1,"two\nlines"\n2,"a ""word"", quoted"\n')
    assert texts(path, "id", "note") == [("1", "two\nlines"), ("2", 'a "word", quoted')]


def test_columns_in_any_script(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f'شناسه,{ARABIC},🎁 "gift"\n007,كوبون,x\n')
    assert texts(path, "شناسه", ARABIC) == [("007", "كوبون")]


def test_a_header_only_has_columns_and_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,amount")
    assert read_csv_header(path).columns == ("id", "amount")
    assert texts(path, "id") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv is empty; it must start with a line of column names"),
        ("a.csv", "\n\n", r"a\.csv is empty"),
        ("a.csv", "id,x,id\n1,2,3\n", r"more than one column called 'id'\n  Hint: Rename one"),
        ("a.csv", "id,ID\n1,2\n", r"columns 'id' and 'ID', which differ in case only"),
        ("a.csv", "id,x\n1,2\n3\n", r"a\.csv: line 3 has 1 value; the header has 2"),
        ("a.csv", "id,x\n1,2\n3,4,5\n", r"line 3 has 3 values; the header has 2\n  Hint: Put"),
        ("a.csv", 'id,x\n1,2\n"3,4\n5,6\n', r"line 3 opens a quote that is never closed"),
        ("a.csv", 'id,"x\n1,2\n', r"the line of column names opens a quote that is never closed"),
        ("a.csv", 'id,"x\n' + "1,2\n" * 300, r"a quote that is never closed\n  Hint: Correct the"),
        ("a.csv", 'i"d,x\n1,2\n"3,4\n', r"the line of column names opens a quote that is never"),
        ("a.csv", "id,x\n1,2\r\n3,4\n", r"is not a well-formed CSV file\n  Hint: It mixes line"),
        ("a.csv", "id,x\n1," + "9" * 3_000_000 + "\n", r"line 2 cannot be read\n  Hint: Is it"),
        ("a.csv", "straße,x\n1,2\n".encode("cp1252"), r"not UTF-8 text\n  Hint: Save it as CSV"),
        ("a.csv", "id,x\n1,2\n".encode("utf-16"), r"is not UTF-8 text"),
        ("a.csv", b"id,x\n" + b"1,2\n" * 9000 + b"M\xfcller,2\n", r"line 9,002 is not UTF-8"),
        ("a.dat", "id,x\n", r"is no kind of file abtest reads\n  Hint: Use \.csv, \.csv\.gz or"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message):
        texts(path, "id")


def test_a_packed_file_that_is_cut_off(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 7919 % 1000}\n" for i in range(5000))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"id,x\n{rows}".encode())[:5000])
    with pytest.raises(DataError, match=r"a\.csv\.gz is cut off or damaged.*\n  Hint: Copy"):
        texts(path, "id")
    path.write_bytes(gzip.compress(b"id,x\n1,2\n")[:12])
    with pytest.raises(DataError, match=r"a\.csv\.gz cannot be read: Compressed file ended"):
        texts(path, "id")


def test_a_packed_file_that_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_text("id,x\n1,2\n")
    with pytest.raises(DataError, match="Not a gzipped file"):
        texts(path, "id")


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", "id\n1\n")
    with pytest.raises(DataError, match=r'does not exist.*\n  Hint: did you mean "orders\.csv"\?'):
        texts(tmp_path / "order.csv", "id")
    with pytest.raises(DataError, match=r"does not exist \(data\.table\)$"):
        texts(tmp_path / "quite another.csv", "id")
    with pytest.raises(DataError, match="There is no folder"):
        texts(tmp_path / "no" / "orders.csv", "id")
    with pytest.raises(DataError, match="is a folder"):
        texts(tmp_path, "id")


def test_a_column_that_is_not_there_names_its_neighbour(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer_id,amount\n1,2\n")
    with pytest.raises(DataError, match=r'no column \'customer\'\n  Hint: did you mean "customer_'):
        texts(path, "customer")
    with pytest.raises(DataError, match=r"no column 'x'\n  Hint: It has: customer_id, amount"):
        texts(path, "x")
