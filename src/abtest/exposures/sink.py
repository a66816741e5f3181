"""Where records go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.exposures.record import Record


class Sink(Protocol):
    """Keeps records. One more sink is one class with these two methods."""

    def write(self, records: Sequence[Record]) -> None:
        """Keep the records, all or none; when this returns, they outlive the process.

        It may be called from several threads and processes, and again with the same records after
        it raised.

        Raises:
            Exception: They could not be kept.
        """

    def close(self) -> None:
        """Let go of what is held open."""
