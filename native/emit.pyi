from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kcompile.targets.program import Program, Record

Frame = tuple[bytes, bytes]

def fill(program: Program, records: Iterable[Record], frames: Sequence[Frame]) -> bytes: ...

class Kept:
    text: bytes
    def __init__(
        self,
        program: Program,
        keys: Iterable[Any],
        record_of: Callable[[Any], Record],
        frames: Sequence[Frame],
    ) -> None: ...
    def differing(self, keys: Iterable[Any]) -> int: ...
    def refill(self, keys: Iterable[Any], record_of: Callable[[Any], Record], frames: Sequence[Frame]) -> bytes: ...
