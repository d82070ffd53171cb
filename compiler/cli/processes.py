"""The same work for many things, done by several processes that share what this one has in memory."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

YES, NO = b"y", b"n"

FEWEST = 8
"""For fewer things than this a process more is not worth its start."""


def process_count(things: int, jobs: int | None) -> int:
    """How many processes to use: at most `jobs`, by default one for each processor that is ours.

    Only Linux forks safely whatever libraries are loaded, and only where no other thread may hold a lock.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return max(1, min(jobs or len(os.sched_getaffinity(0)), things if jobs else things // FEWEST))


def in_processes(
    work: Callable[[T], bool], things: Sequence[T], processes: int, advance: Callable[[], None]
) -> dict[T, bool]:
    """Do the work for each thing in processes forked from this one; what was done, and what the work said of it.

    Nothing else comes back: a process stops at the first thing that it cannot do, and says nothing of why. Who
    calls does what is left itself, and so meets the failure. `advance` is called after each thing. Whatever happens
    here, no process is left behind.
    """
    shares = [things[number::processes] for number in range(processes)]
    done: dict[T, bool] = {}
    running: dict[int, int] = {}  # by the pipe's end for reading
    # What is buffered would be written by every process, and a collection would copy what they share.
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()
    try:
        with selectors.DefaultSelector() as selector:
            for share in shares:
                reading, process = _start(work, share)
                running[reading] = process
                selector.register(reading, selectors.EVENT_READ, iter(share))
            while running:
                for key, _ in selector.select():
                    finished = os.read(key.fd, 4096)
                    for answer in finished:
                        done[next(key.data)] = answer == ord(YES)
                        advance()
                    if not finished:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        os.waitpid(running.pop(key.fd), 0)
    finally:
        for reading, process in running.items():
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(reading)
        gc.unfreeze()
    return done


def _start(work: Callable[[T], bool], share: Sequence[T]) -> tuple[int, int]:
    """A process that writes a byte to a pipe for each thing that it has done: the pipe's other end, and its number."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return reading, process
    status = 1
    try:
        gc.disable()
        os.close(reading)
        for thing in share:
            os.write(writing, YES if work(thing) else NO)
        status = 0
    finally:
        # Without the cleaning up that is the parent's; a failure is no news: see `in_processes`.
        os._exit(status)
