"""How each SQL engine writes the few things that the formula needs.

``RUN`` names the dialects whose statements a test of this project runs on a real engine. The others
follow their vendors' documentation and have run nowhere.
"""

from dataclasses import dataclass

from abtest.errors import AssignmentError

RUN = ("duckdb", "postgres", "spark", "clickhouse")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Templates of one engine; ``{0}``, ``{1}``, ... stand for expressions.

    Attributes:
        name: What ``--dialect`` calls it.
        text: A column as text.
        sha256: The 64 lowercase hexadecimal digits.
        part: Of text ``{0}``, from character ``{1}`` (from 1), ``{2}`` characters.
        join: Two texts joined; null where one is null.
        number: Hexadecimal digits as an integer; ``{1}`` are the zeros that make them eight.
        divide: The whole part of ``{0}`` divided by 2 to the power of ``{2}``, which is ``{1}``.
        empty: Whether a text has no character.
        bytewise: Whether texts surely compare byte by byte. Then all 64 digits compare with a limit
            as their first 13 do, and need not be cut.
        quotes: What stands around a name.
        text_prefix: What stands before a text that holds more than ASCII.
        escapes: Whether a backslash inside a text escapes what follows.
    """

    name: str
    text: str
    sha256: str
    number: str
    divide: str = "({0}) / {1}"
    join: str = "{0} || {1}"
    part: str = "substr({0}, {1}, {2})"
    empty: str = "length({0}) = 0"
    bytewise: bool = False
    quotes: str = '""'
    text_prefix: str = ""
    escapes: bool = False

    def literal(self, text: str) -> str:
        """A text as a constant.

        Raises:
            AssignmentError: It holds a control character, which not every engine can write.
        """
        if self.name != "duckdb" and any(ord(letter) < 32 for letter in text):
            raise AssignmentError(
                f"variant {text!r} holds a control character; it must not in a statement for "
                f"{self.name}."
            )
        if self.escapes:
            text = text.replace("\\", "\\\\").replace("'", "\\'")
        else:
            text = text.replace("'", "''")
        prefix = "" if text.isascii() else self.text_prefix
        return f"{prefix}'{text}'"

    def name_of(self, column: str) -> str:
        """A column's name in quotes, so that ``user`` and ``order`` are columns too.

        Raises:
            AssignmentError: It holds a quote or a backslash, which not every engine can write.
        """
        opening, closing = self.quotes[0], self.quotes[1]
        if self.name == "duckdb":
            column = column.replace(closing, closing * 2)
        elif closing in column or "\\" in column:
            raise AssignmentError(
                f"column {column!r} holds a quote or a backslash; it must not in a statement for "
                f"{self.name}."
            )
        if self.name == "snowflake" and column == column.lower():
            column = column.upper()  # what Snowflake makes of a name without quotes
        return f"{opening}{column}{closing}"


_ALL = (
    Dialect(
        "duckdb",
        text="CAST({0} AS VARCHAR)",
        sha256="sha256({0})",
        number="CAST('0x' || {0} AS BIGINT)",
        divide="({0}) // {1}",
        empty="{0} = ''",
        bytewise=True,
    ),
    Dialect(
        "postgres",
        text="CAST({0} AS text)",
        sha256="encode(sha256(convert_to({0}, 'UTF8')), 'hex')",
        number="CAST(CAST('x{1}' || {0} AS bit(32)) AS bigint)",
    ),
    Dialect(
        "spark",
        text="CAST({0} AS STRING)",
        join="concat({0}, {1})",
        sha256="sha2({0}, 256)",
        number="CAST(conv({0}, 16, 10) AS BIGINT)",
        divide="({0}) div {1}",
        quotes="``",
        escapes=True,
    ),
    Dialect(
        "bigquery",
        text="CAST({0} AS STRING)",
        join="CONCAT({0}, {1})",
        sha256="TO_HEX(SHA256({0}))",
        number="CAST(CONCAT('0x', {0}) AS INT64)",
        divide="DIV({0}, {1})",
        quotes="``",
        escapes=True,
    ),
    Dialect(
        "snowflake",
        text="CAST({0} AS VARCHAR)",
        sha256="SHA2({0}, 256)",
        number="TO_NUMBER('{1}' || {0}, 'XXXXXXXX')",
        divide="BITSHIFTRIGHT({0}, {2})",
        escapes=True,
    ),
    Dialect(
        "redshift",
        text="CAST({0} AS VARCHAR(65535))",
        sha256="SHA2({0}, 256)",
        number="STRTOL({0}, 16)",
        part="SUBSTRING({0}, {1}, {2})",
        empty="LEN({0}) = 0",
        escapes=True,
    ),
    Dialect(
        "trino",
        text="CAST({0} AS VARCHAR)",
        sha256="LOWER(TO_HEX(SHA256(TO_UTF8({0}))))",
        number="FROM_BASE({0}, 16)",
    ),
    Dialect(
        "clickhouse",
        text="toString({0})",
        join="concat({0}, {1})",
        sha256="lower(hex(SHA256({0})))",
        number="toInt64(reinterpretAsUInt32(reverse(unhex(concat('{1}', {0})))))",
        divide="intDiv({0}, {1})",
        quotes="``",
        escapes=True,
    ),
    Dialect(
        "mysql",
        text="CAST({0} AS CHAR CHARACTER SET utf8mb4)",
        join="CONCAT({0}, {1})",
        sha256="SHA2({0}, 256)",
        number="CAST(CONV({0}, 16, 10) AS UNSIGNED)",
        divide="({0}) DIV {1}",
        empty="CHAR_LENGTH({0}) = 0",
        quotes="``",
        escapes=True,
    ),
    Dialect(
        "sqlserver",
        # HASHBYTES reads bytes: UTF-8 from a VARCHAR of a UTF-8 collation, UTF-16 from NVARCHAR.
        text="CAST(CAST({0} AS NVARCHAR(4000)) COLLATE Latin1_General_100_BIN2_UTF8"
        " AS VARCHAR(8000))",
        sha256="LOWER(CONVERT(VARCHAR(64), HASHBYTES('SHA2_256', {0}), 2))",
        join="{0} + {1}",
        number="CONVERT(BIGINT, CONVERT(VARBINARY(4), '{1}' + {0}, 2))",
        part="SUBSTRING({0}, {1}, {2})",
        empty="DATALENGTH({0}) = 0",
        quotes="[]",
        text_prefix="N",
    ),
)
DIALECTS = {dialect.name: dialect for dialect in _ALL}
