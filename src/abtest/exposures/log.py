"""Logging that neither delays nor breaks the app that logs."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from abtest.errors import AbtestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from abtest.exposures.record import Record
    from abtest.exposures.sink import Sink

_LOGGER = logging.getLogger("abtest.exposures")
_ATTEMPTS = 4
_FIRST_WAIT = 0.05  # seconds, doubled after each failure


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records of one process.

    Attributes:
        written: The sink has them.
        dropped: Refused by ``put``, because the queue was full or the log closed.
        failed: The sink refused them to the last attempt.
        waiting: In the queue, or on their way.
    """

    written: int
    dropped: int
    failed: int
    waiting: int


class ExposureLog:
    """Takes records from an app's threads and hands them to a sink.

    ``put`` puts a record into a queue of limited length and returns at once; a thread of its own
    writes. Where the queue is full the newest record is dropped and counted: memory stays bounded
    and the app is not held up. ``write`` bypasses the queue and returns when the sink has the
    record: use it where each record counts. Neither raises.

    After a fork (gunicorn, multiprocessing) each process has a queue and a thread of its own. What
    is still in the queue when the process ends in the ordinary way is written; what a killed
    process had not acknowledged is lost, and only that.

    Args:
        sink: Where the records go.
        capacity: The length of the queue.
        batch: How many records are written at a time.
        on_error: Called with the sink's exception after each failed attempt; by default one warning
            per outage goes to the logger ``abtest.exposures``.

    Raises:
        AbtestError: ``capacity`` or ``batch`` is not above 0.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        capacity: int = 10_000,
        batch: int = 500,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        for name, value in (("capacity", capacity), ("batch", batch)):
            if value < 1:
                raise AbtestError(f"{name} is {value}; it must be at least 1.")
        self._sink = sink
        self._capacity = capacity
        self._batch = batch
        self._on_error = on_error
        self._begin()
        atexit.register(self.close)

    def _begin(self) -> None:
        """What a process needs for itself; a fork inherits locks that nobody will release."""
        self._process = os.getpid()
        self._queue: queue.Queue[Record] = queue.Queue(self._capacity)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._written = self._dropped = self._failed = 0
        self._down = False

    @property
    def counts(self) -> Counts:
        """What became of the records so far."""
        waiting = self._queue.unfinished_tasks
        return Counts(self._written, self._dropped, self._failed, waiting)

    def put(self, record: Record | None) -> bool:
        """Take a record, without waiting; None is passed over.

        Returns:
            Whether it was taken. False is counted as dropped.
        """
        if record is None:
            return True
        if self._process != os.getpid():
            self._begin()
        if self._stop.is_set():
            self._count(dropped=1)
            return False
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._count(dropped=1)
            return False
        if self._thread is None:
            self._start()
        return True

    def write(self, record: Record) -> bool:
        """Write a record now.

        Returns:
            True when the sink has it for good; False when it refused, which is counted as failed.
        """
        if self._process != os.getpid():
            self._begin()
        return self._hand_over([record], attempts=1)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was put is written or has failed; whether that took less than timeout."""
        until = monotonic() + timeout
        done = self._queue.all_tasks_done
        with done:
            while self._queue.unfinished_tasks:
                left = until - monotonic()
                if left <= 0:
                    return False
                done.wait(left)
        return True

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left and stop; whether all of it was dealt with in time."""
        atexit.unregister(self.close)
        if self._process != os.getpid():
            return True  # a fork that logged nothing of its own
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self._run()  # what was put while the thread was ending
        finished = not self._queue.unfinished_tasks
        if finished:
            try:
                self._sink.close()
            except Exception as error:  # noqa: BLE001 - a log must not break its app
                self._report(error)
        return finished

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                name = "abtest-exposures"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not (self._stop.is_set() and self._queue.empty()):
            batch = self._next_batch()
            if batch:
                self._hand_over(batch, attempts=_ATTEMPTS)
                for _ in batch:
                    self._queue.task_done()
        self._sink_closed_by_its_thread()

    def _sink_closed_by_its_thread(self) -> None:
        try:
            self._sink.close()  # a connection may belong to the thread that opened it
        except Exception as error:  # noqa: BLE001 - a log must not break its app
            self._report(error)

    def _next_batch(self) -> list[Record]:
        batch: list[Record] = []
        try:
            batch.append(self._queue.get(timeout=0.2))
            while len(batch) < self._batch:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _hand_over(self, records: Sequence[Record], attempts: int) -> bool:
        wait = _FIRST_WAIT
        for attempt in range(1, attempts + 1):
            try:
                self._sink.write(records)
            except Exception as error:  # noqa: BLE001 - a log must not break its app
                self._report(error)
                if attempt < attempts:
                    self._stop.wait(wait)
                    wait *= 2
            else:
                self._down = False
                self._count(written=len(records))
                return True
        self._count(failed=len(records))
        return False

    def _report(self, error: Exception) -> None:
        if self._on_error is not None:
            try:
                self._on_error(error)
            except Exception:  # nor may the one who is told
                _LOGGER.warning("on_error of an exposure log raised", exc_info=True)
        elif not self._down:
            _LOGGER.warning("exposures cannot be written: %s: %s", type(error).__name__, error)
        self._down = True

    def _count(self, *, written: int = 0, dropped: int = 0, failed: int = 0) -> None:
        with self._lock:
            self._written += written
            self._dropped += dropped
            self._failed += failed
