"""A matcher that never takes longer than pattern times text: it remembers where it has been.

For patterns over which Python's own matcher could take for ever, such as `(a|a)*b`. It tries alternatives in the order
of the pattern, as Go does, and gives up a branch at a place where the same instruction has failed before.
"""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.regexp_syntax import (
    Alternation,
    Assertion,
    Characters,
    Concatenation,
    Group,
    Node,
    Pattern,
    Repetition,
)

MAX_INSTRUCTIONS = 100_000


class TooLarge(Exception):
    """A pattern that Go takes, and that has too many instructions to be carried out here."""


@dataclass(frozen=True, slots=True)
class _Split:
    """Go on at `first`; if that fails, at `second`."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class _Save:
    """Remember the place in the text as the start or end of a group."""

    slot: int


@dataclass(frozen=True, slots=True)
class _Jump:
    target: int


_Instruction = Characters | Assertion | _Split | _Save | _Jump | None
"""None is the end: the pattern has matched."""


class Matcher:
    def __init__(self, pattern: Pattern) -> None:
        self._program: list[_Instruction] = []
        self._slots = 2 * (len(pattern.names) + 1)
        self._emit(pattern.root)
        self._program.append(None)

    def find(self, subject: str) -> tuple[str, ...] | None:
        """The leftmost match and its groups, or None."""
        failed: set[tuple[int, int]] = set()
        for start in range(len(subject) + 1):
            slots = self._match(subject, start, failed)
            if slots is not None:
                pairs = zip(slots[::2], slots[1::2], strict=True)
                return tuple(subject[begin:end] if begin >= 0 and end >= 0 else "" for begin, end in pairs)
        return None

    def _match(self, subject: str, start: int, failed: set[tuple[int, int]]) -> tuple[int, ...] | None:
        pending: list[tuple[int, int, tuple[int, ...]]] = [(0, start, (start, *[-1] * (self._slots - 1)))]
        while pending:
            counter, position, slots = pending.pop()
            while (counter, position) not in failed:
                failed.add((counter, position))
                instruction = self._program[counter]
                if instruction is None:
                    return (slots[0], position, *slots[2:])
                counter += 1
                if isinstance(instruction, Characters):
                    if position >= len(subject) or not _contains(instruction, ord(subject[position])):
                        break
                    position += 1
                elif isinstance(instruction, Assertion):
                    if not _holds(instruction, subject, position):
                        break
                elif isinstance(instruction, _Split):
                    pending.append((instruction.second, position, slots))
                    counter = instruction.first
                elif isinstance(instruction, _Save):
                    slots = (*slots[: instruction.slot], position, *slots[instruction.slot + 1 :])
                else:
                    counter = instruction.target
        return None

    def _emit(self, node: Node) -> None:
        program = self._program
        if len(program) > MAX_INSTRUCTIONS:
            raise TooLarge(f"a regular expression of more than {MAX_INSTRUCTIONS} instructions is not evaluated")
        if isinstance(node, Concatenation):
            for part in node.parts:
                self._emit(part)
        elif isinstance(node, Group):
            if node.index is None:
                self._emit(node.body)
            else:
                program.append(_Save(2 * node.index))
                self._emit(node.body)
                program.append(_Save(2 * node.index + 1))
        elif isinstance(node, Alternation):
            self._alternatives(node)
        elif isinstance(node, Repetition):
            self._repetition(node)
        else:
            program.append(node)

    def _alternatives(self, node: Alternation) -> None:
        program = self._program
        ends = []
        for option in node.options[:-1]:
            split = len(program)
            program.append(None)
            self._emit(option)
            ends.append(len(program))
            program.append(None)
            program[split] = _Split(split + 1, len(program))
        self._emit(node.options[-1])
        for end in ends:
            program[end] = _Jump(len(program))

    def _repetition(self, node: Repetition) -> None:
        program = self._program
        loop_start, splits = len(program), []
        for _ in range(node.minimum):
            loop_start = len(program)
            self._emit(node.body)
        if node.maximum is None and node.minimum:
            # The last of the copies that must match is the loop.
            again, after = loop_start, len(program) + 1
            program.append(_Split(again, after) if node.greedy else _Split(after, again))
            return
        if node.maximum is None:
            splits.append(len(program))
            program.append(None)
            self._emit(node.body)
            program.append(_Jump(loop_start))
        for _ in range((node.maximum or 0) - node.minimum):
            splits.append(len(program))
            program.append(None)
            self._emit(node.body)
        for split in splits:
            inside, after = split + 1, len(program)
            program[split] = _Split(inside, after) if node.greedy else _Split(after, inside)


def _contains(characters: Characters, code: int) -> bool:
    return any(low <= code <= high for low, high in characters.ranges)


def _holds(assertion: Assertion, subject: str, position: int) -> bool:
    if assertion.kind == "text-start":
        return position == 0
    if assertion.kind == "text-end":
        return position == len(subject)
    if assertion.kind == "line-start":
        return position == 0 or subject[position - 1] == "\n"
    if assertion.kind == "line-end":
        return position == len(subject) or subject[position] == "\n"
    at_boundary = _is_word(subject, position - 1) != _is_word(subject, position)
    return at_boundary == (assertion.kind == "boundary")


def _is_word(subject: str, position: int) -> bool:
    if not 0 <= position < len(subject):
        return False
    character = subject[position]
    return character == "_" or (character.isascii() and character.isalnum())
