from collections.abc import Sequence

from kcompile.targets.program import Program, Record

def fill(program: Program, records: Sequence[Record], frames: Sequence[tuple[bytes, bytes]]) -> bytes: ...
