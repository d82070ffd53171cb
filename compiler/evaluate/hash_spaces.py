"""The hash table of a program: its spaces, its keys, and the flags of the addresses that stand in keys."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Word
from kcompile.evaluate.layout import table_size


class Key(NamedTuple):
    """A key with its value, the place of a single rule (-1 for a list), and what its entry leads to (see `Program`)."""

    space: int
    words: tuple[int, ...]
    value: Word
    place: int = 0
    ahead: int = 0


class Gate(NamedTuple):
    """The field whose flags tell whether a look-up may find anything, and the flag; a flag of 0 tells nothing."""

    side: int
    flag: int


class HashSpaces:
    """Gives out hash spaces and flags, and collects the keys."""

    def __init__(self, program: p.Program) -> None:
        self.keys: list[Key] = []
        self.flags: dict[int, int] = {}
        self._program = program
        self._leading: set[int] = set()
        self._last: dict[tuple[int, ...], int] = {}
        self._blocks = 1
        self._flags_given = 0

    def space(self, fields: tuple[int, ...]) -> int:
        """A hash space of one's own, near others whose keys have the same fields."""
        space = self._last.get(fields, -1) + 1
        if space % p.NEAR_SPACES == 0 and (space or fields != p.KEYS[0]):
            space = self._blocks * p.NEAR_SPACES
            self._blocks += 1
        self._last[fields] = space
        return space

    def gate(self, space: int, fields: Sequence[int]) -> Gate:
        """The gate of a hash space, by the destination in its keys, or else by the source."""
        side = next((field for field in (p.DESTINATION, p.SOURCE) if field in fields), None)
        if side is None:
            return Gate(p.SOURCE_FLAGS, 0)
        flag = 1 << min(self._flags_given, p.LAST_FLAG)
        self._flags_given += 1
        return Gate(side + p.ADDRESS_FLAGS_FIELD, flag)

    def leads(self, space: int, fields: tuple[int, ...], gate: Gate) -> None:
        """Note that a hash space leads packets to chains or virtual servers."""
        self._leading.add(space)
        if fields == p.KEYS[0]:
            self._program.lead_flags |= gate.flag
        elif fields == p.KEYS[2] and self._program.lead_space < 0:
            self._program.lead_space = space

    def add(self, key: Key, gate: Gate, fields: Sequence[int]) -> None:
        """Add a key; the address that the gate asks gets its flag."""
        self.keys.append(key)
        if gate.flag:
            number = key.words[fields.index(gate.side - p.ADDRESS_FLAGS_FIELD)]
            self.flags[number] = self.flags.get(number, 0) | gate.flag

    def write(self, keys: Sequence[Key]) -> None:
        """Fill the hash table. The first value of a key that comes twice counts. What leads on is put in first, and so
        is found first."""
        program = self._program
        size = table_size(len(keys))
        program.key_mask = size - 1
        program.keys.extend([-1, *[0] * (p.KEY_ENTRY - 1)] * size)
        for space, given, value, place, ahead in sorted(keys, key=lambda key: key.space not in self._leading):
            assert isinstance(value, int)
            words = (*given, *(0,) * (p.MOST_WORDS - len(given)))
            slot = p.hash_key(space, words) & program.key_mask
            entry = array("i", (space, *words, value, place, ahead))
            while program.keys[slot * p.KEY_ENTRY] >= 0:
                start = slot * p.KEY_ENTRY
                if program.keys[start : start + p.KEY_VALUE] == entry[: p.KEY_VALUE]:
                    break
                slot = (slot + 1) & program.key_mask
            else:
                program.keys[slot * p.KEY_ENTRY : (slot + 1) * p.KEY_ENTRY] = entry
