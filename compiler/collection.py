"""Garbage collection: off while many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the collector, which would walk a growing heap again and again: half the time of a large cluster.

    What was made counts as old when the collector goes on: else it would walk all of it at once.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _make_all_old()
            gc.enable()


def _make_all_old() -> None:
    """Move every object to the oldest generation; what somebody has frozen stays so."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
