"""What a long command is doing, on stderr: for people at a terminal, and never for short runs."""

from __future__ import annotations

import sys
from threading import Lock, Timer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich import progress

# A run that ends sooner needs no bar.
PATIENCE = 2.0


class Progress:
    """A bar that appears after some seconds, and goes when the work is done.

    Args:
        patience: After how many seconds it appears.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._step = "Reading"
        self._lock = Lock()
        self._done = False
        self._bar: progress.Progress | None = None
        self._timer = Timer(patience, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._done = True
            if self._bar is not None:
                self._bar.stop()

    def step(self, what: str) -> None:
        """Say what is done next."""
        with self._lock:
            self._step = what
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], description=what)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._done:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._step, total=None)
            self._bar.start()
