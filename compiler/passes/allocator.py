"""Give out numbers of a range so that who else asks matters as little as can be.

A number is chosen by the hash of the asker's name. If it is taken, the next free one is. So adding an object moves no
other, unless the two collide. The real allocators choose at random and store what they chose.
"""

from __future__ import annotations

import hashlib


def hash_number(key: str) -> int:
    """A number of 128 bits that depends on `key` alone, on any machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big")


class Allocator:
    """Gives out the numbers from `first` to `last`.

    `used` holds what is taken and grows; allocators whose ranges overlap share it. The first `low_band` numbers are
    given out when all others are gone, because people choose numbers by hand from there (KEP-3070, KEP-3668).
    """

    __slots__ = ("_full", "first", "last", "low_band", "used")

    def __init__(self, first: int, last: int, used: set[int], low_band: int = 0) -> None:
        self.first, self.last = first, last
        self.used = used
        self.low_band = low_band
        self._full = False

    def allocate(self, key: str) -> int | None:
        """A free number for `key`, or None when all are taken."""
        if self._full:
            return None
        number = self._probe(self.first + self.low_band, self.last, key)
        if number is None and self.low_band:
            number = self._probe(self.first, self.first + self.low_band - 1, key)
        if number is None:
            self._full = True
            return None
        self.used.add(number)
        return number

    def _probe(self, first: int, last: int, key: str) -> int | None:
        size = last - first + 1
        if size <= 0:
            return None
        used = self.used
        start = hash_number(key) % size
        # Among one more number than there are taken ones, one is free.
        for step in range(min(size, len(used) + 1)):
            number = first + (start + step) % size
            if number not in used:
                return number
        return None
