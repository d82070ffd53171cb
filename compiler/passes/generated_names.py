"""Names that the control plane makes up: those of Pods and EndpointSlices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kcompile.passes.allocator import hash_number
from kcompile.passes.validate_meta import ApiObject

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes names of: no vowels, so no words; nothing that looks like another."""

SUFFIX_LENGTH = 5
MAX_PREFIX_LENGTH = 63 - SUFFIX_LENGTH
"""Where the API server cuts generateName."""


def name_suffix(key: str, length: int = SUFFIX_LENGTH) -> str:
    """The random-looking end of a generated name; it depends on `key` alone."""
    number = hash_number(key)
    characters = []
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[index])
    return "".join(characters)


class GeneratedNames:
    """Makes names for objects of one kind that no other object of the kind has in its namespace."""

    __slots__ = ("_taken",)

    def __init__(self, objects: Iterable[ApiObject]) -> None:
        self._taken: dict[str, set[str]] = defaultdict(set)
        for api_object in objects:
            self._taken[api_object.meta.namespace].add(api_object.meta.name)

    def unique(self, namespace: str, prefix: str, key: str) -> str:
        """`prefix` and a suffix that depends on `key`, and on what is taken only when they collide."""
        base = prefix[:MAX_PREFIX_LENGTH]
        name = base + name_suffix(key)
        attempt = 0
        while not self.claim(namespace, name):
            attempt += 1
            name = base + name_suffix(f"{key}#{attempt}")
        return name

    def claim(self, namespace: str, name: str) -> bool:
        """Take a name; whether it was free."""
        taken = self._taken[namespace]
        if name in taken:
            return False
        taken.add(name)
        return True
