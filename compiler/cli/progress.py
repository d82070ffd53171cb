"""A progress bar on standard error, for work over a second, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0
"""Seconds of work before the bar appears."""


class ProgressBar:
    """Counts `total` units of work; `advance` is called for each part that is done."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._bar: tuple[Progress, TaskID] | None = None
        self._wanted = sys.stderr.isatty()

    def __enter__(self) -> ProgressBar:
        return self

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        if self._wanted and (self._bar or time.monotonic() - self._start > _PATIENCE):
            progress, task = self._bar or self._open()
            progress.update(task, completed=self._done)

    def _open(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import Progress

        progress = Progress(console=Console(stderr=True), transient=True)
        progress.start()
        self._bar = progress, progress.add_task(self._label, total=self._total)
        return self._bar

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar[0].stop()
