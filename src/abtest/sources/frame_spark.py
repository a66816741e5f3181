"""PySpark: rows stay on the cluster, and only aggregates come back to the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.errors import DataError
from abtest.sources.csv_header import read_csv_header
from abtest.sources.frame_backends import in_memory, library

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MASTER = "local[2]"


class SparkBackend:
    """PySpark DataFrames.

    Args:
        master: Where a session is started if none runs: ``local[2]``, ``spark://host:7077``,
            ``yarn``. A session that runs already is used as it is.
    """

    name = "spark"

    def __init__(self, master: str | None = None) -> None:
        self._sql = library("pyspark.sql", self.name)
        self._functions = library("pyspark.sql.functions", self.name)
        errors = library("pyspark.errors", self.name)
        java = library("py4j.protocol", self.name)
        self.errors: tuple[type[Exception], ...] = (
            errors.PySparkException,
            java.Py4JError,
            RuntimeError,  # where Java is absent
        )
        self._master = master
        self._session: Any = None
        self._kept: list[Any] = []

    def frame(self, label: str, given: object) -> nw.LazyFrame[Any]:
        if is_spark_frame(given):
            self._session = self._session or given.sparkSession  # type: ignore[attr-defined]
            return nw.from_native(self._plain(given))  # type: ignore[no-any-return]
        table = in_memory(label, given, self.name).to_arrow()
        return nw.from_native(self._plain(self._started().createDataFrame(table)))  # type: ignore[no-any-return]

    def csv(self, path: Path) -> nw.LazyFrame[Any]:
        header = read_csv_header(path)
        fields = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in header.columns)
        reader = self._started().read.options(
            header=True,
            sep=header.delimiter,
            quote='"',
            escape='"',
            # A broken line stops the reading, also where its broken column is not wanted.
            mode="FAILFAST",
            columnPruning=False,
            enforceSchema=True,
        )
        return nw.from_native(reader.schema(fields).csv(_literal(path)))  # type: ignore[no-any-return]

    def parquet(self, path: Path) -> nw.LazyFrame[Any]:
        return nw.from_native(self._plain(self._started().read.parquet(_literal(path))))  # type: ignore[no-any-return]

    def numbered(self, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any] | None:  # noqa: ARG002 - rows have no order
        return None

    def microseconds(self, time: nw.Expr) -> nw.Expr:
        # Narwhals has no timestamp() for Spark; as a whole number a time is seconds since 1970.
        return time.cast(nw.Int64) * 1_000_000 + time.dt.microsecond()

    def finished(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        native, f = frame.to_native(), self._functions
        text = f.concat(f.lit(salt), native[_quoted(column)].cast("string"))
        half = f.when(f.sha2(text, 256) < "8", f.lit(0)).otherwise(f.lit(1))
        return nw.from_native(native.withColumn(name, half))  # type: ignore[no-any-return]

    def settled(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        kept = frame.to_native().persist()
        self._kept.append(kept)
        return nw.from_native(kept)  # type: ignore[no-any-return]

    def release(self) -> None:
        """Free the memory and disk of the cluster; the last first, which is made of the others."""
        while self._kept:
            self._kept.pop().unpersist()

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        return [row.asDict() for row in frame.to_native().collect()]

    def _started(self) -> Any:  # noqa: ANN401 - a session
        if self._session is None:
            self._session = self._sql.SparkSession.getActiveSession() or self._start()
        return self._session

    def _start(self) -> Any:  # noqa: ANN401 - a session
        master = self._master or DEFAULT_MASTER
        builder = self._sql.SparkSession.builder.master(master).appName("abtest")
        builder = builder.config("spark.ui.enabled", "false")
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        if master.startswith("local"):
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
            builder = builder.config("spark.driver.host", "127.0.0.1")
            builder = builder.config("spark.sql.shuffle.partitions", "4")
        try:
            session = builder.getOrCreate()
            session.sparkContext.setLogLevel("ERROR")
        except self.errors as error:
            lines = str(error).splitlines() or [""]
            raise DataError(
                f"Spark cannot be started at {master}: {lines[0]}",
                "It needs Java 17 or newer on the path, or a master that answers.",
            ) from error
        return session

    def _plain(self, frame: Any) -> Any:  # noqa: ANN401 - a PySpark frame
        """A time without a zone as text: Spark would read it in the zone of the session."""
        naive = [name for name, type_ in frame.dtypes if type_ == "timestamp_ntz"]
        return frame.withColumns({name: frame[_quoted(name)].cast("string") for name in naive})


def is_spark_frame(given: object) -> bool:
    """Whether something is a PySpark DataFrame, without importing PySpark."""
    kind = type(given)
    return kind.__name__ == "DataFrame" and kind.__module__.startswith("pyspark.sql")


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _literal(path: Path) -> str:
    r"""A file's address in which ``*``, ``?``, ``[`` and ``{`` mean themselves."""
    text = str(path.absolute())
    for letter in "\\*?[]{}":
        text = text.replace(letter, f"\\{letter}")
    return f"file://{text}"
