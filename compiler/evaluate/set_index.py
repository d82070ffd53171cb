"""Look keys up in sets, maps and ipsets: exact keys by hash, intervals in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kcompile.ir.ruleset import Component, Element

Key = tuple[int | str, ...]


class SetIndex:
    """The elements of one set. A key that lies in several elements finds the first of them, exact ones before all."""

    def __init__(self, elements: Iterable[Element]) -> None:
        self._exact: dict[Key, Element] = {}
        self._intervals: list[tuple[int, int, Element]] = []
        self._rest: list[Element] = []
        for element in elements:
            exact = _exact(element.key)
            first = element.key[0] if len(element.key) == 1 else ""
            if exact is not None:
                self._exact.setdefault(exact, element)
            elif isinstance(first, tuple):
                self._intervals.append((*first, element))
            else:
                self._rest.append(element)
        self._intervals.sort(key=lambda each: each[:2])
        self._lows = [low for low, _, _ in self._intervals]
        # Intervals that overlap (ipsets of nets) cannot be found by their low end alone.
        self._overlap = any(a[1] >= b[0] for a, b in pairwise(self._intervals))

    def find(self, key: Key) -> Element | None:
        element = self._exact.get(key)
        if element is None and self._intervals and len(key) == 1:
            element = self._find_interval(key[0])
        if element is None and self._rest:
            element = min((e for e in self._rest if holds(e.key, key)), key=lambda e: _size(e.key), default=None)
        return element

    def _find_interval(self, value: int | str) -> Element | None:
        if not isinstance(value, int):
            return None
        if self._overlap:
            # The most specific net decides, as in an ipset with nomatch.
            covering = (each for each in self._intervals if each[0] <= value <= each[1])
            narrowest = min(covering, key=lambda each: each[1] - each[0], default=None)
            return narrowest[2] if narrowest else None
        at = bisect_right(self._lows, value) - 1
        return self._intervals[at][2] if at >= 0 and value <= self._intervals[at][1] else None


def _exact(key: Sequence[Component]) -> Key | None:
    found: list[int | str] = []
    for part in key:
        if isinstance(part, str):
            if part.endswith("*"):
                return None
            found.append(part)
        elif part[0] == part[1]:
            found.append(part[0])
        else:
            return None
    return tuple(found)


def _size(key: Sequence[Component]) -> int:
    return sum((part[1] - part[0]).bit_length() for part in key if not isinstance(part, str))


def in_component(component: Component, value: int | str) -> bool:
    """Whether one value lies in an interval, or fits a name."""
    if isinstance(component, str):
        if component.endswith("*"):
            return isinstance(value, str) and value.startswith(component[:-1])
        return value == component
    return isinstance(value, int) and component[0] <= value <= component[1]


def holds(key: Sequence[Component], value: Key) -> bool:
    """Whether a value lies in an element, part by part."""
    return len(key) == len(value) and all(map(in_component, key, value))
