"""What rules do, as instructions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import LARGEST_WORD, CannotTell, Entry, Lead, Never, Rest, Word, Words, op
from kcompile.evaluate.expressions import is_random, share_of, uniform
from kcompile.evaluate.layout import Layout, PlacedRule
from kcompile.evaluate.set_code import PLACES, Sets, intervals_of, set_key
from kcompile.ir.ruleset import (
    Binary,
    Chance,
    Compare,
    Component,
    Constant,
    Elements,
    Expression,
    Field,
    Interval,
    Item,
    Lookup,
    NamedSet,
    Nat,
    NoEffect,
    NoTrack,
    Reject,
    SetField,
    Uniform,
    Verdict,
    VerdictMap,
)

_PLAIN: Mapping[str, int] = MappingProxyType(
    {
        "accept": p.GO_ACCEPT,
        "drop": p.GO_DROP,
        "return": p.GO_RETURN,
        "continue": p.GO_CONTINUE,
        "queue": p.GO_GIVE_UP,
    }
)
MOST_VALUES = 1 << 16
"""A random number with more values than this is not spread out in a table."""


class Statements:
    """Writes the statements of rules."""

    def __init__(self, layout: Layout, sets: Sets) -> None:
        self.targets: Words = []
        self.redirects = False
        self._rest: Words = [Rest()] * (p.TARGET[layout.family] - 2)
        self._layout = layout
        self._sets = sets
        self._targets: dict[tuple[Interval | None, Interval | None], int] = {}

    def instructions(self, item: Item, placed: PlacedRule) -> Words:
        """The instructions of one statement. Raises `CannotTell`, `Never` and `OtherFamily`."""
        if isinstance(item, NoEffect):
            return []
        if isinstance(item, Verdict):
            return self._go(item, placed)
        if isinstance(item, Reject):
            return [p.DECIDE, p.GO_REJECT, placed.rule.line]
        if isinstance(item, Chance):
            return _chance(item.probability.numerator, item.probability.denominator)
        if isinstance(item, Compare):
            return _random_compare(item)
        if isinstance(item, SetField):
            return _set_field(item)
        if isinstance(item, VerdictMap):
            return self._verdict_map(item, placed)
        if isinstance(item, Nat):
            return self._nat(item, placed)
        if isinstance(item, NoTrack):
            return [p.UNTRACK]
        raise CannotTell

    # ------------------------------------------------------------ verdicts

    def _go(self, verdict: Verdict, placed: PlacedRule) -> Words:
        word = self._verdict(verdict, placed)
        if word in (p.GO_DROP, p.GO_REJECT):
            return [p.DECIDE, word, placed.rule.line]
        return [p.GO, word]

    def _verdict(self, verdict: Verdict, placed: PlacedRule) -> Word:
        if verdict.kind in _PLAIN:
            return _PLAIN[verdict.kind]
        chain = placed.table.chains.get(verdict.chain)
        if chain is None:
            return p.GO_GIVE_UP
        return Lead(self._layout.place(placed.table, chain), verdict.kind == "goto")

    def _value(self, value: object, placed: PlacedRule) -> Word:
        """What a map holds: a verdict, or an endpoint."""
        if isinstance(value, Verdict):
            return self._verdict(value, placed)
        if not isinstance(value, tuple) or not 1 <= len(value) <= 2:
            raise CannotTell
        return self._numbered_target(*_endpoint(value))

    def _verdict_map(self, item: VerdictMap, placed: PlacedRule) -> Words:
        drawn = uniform(item.key)
        held = self._sets.static(item.container, placed.table)
        if drawn is not None:
            verdicts = [-1 if v is None else self._value(v, placed) for v in _values(drawn, held)]
            return [op(p.DRAW, drawn.modulus), placed.rule.line, *verdicts]
        key = set_key(item.key)
        default = self._value(held.default, placed) if held.default is not None else -1
        if not held.elements and held.default is None:
            raise Never
        code = self._sets.write(held, key, lambda value: self._value(value, placed))
        return [op(p.MAP, len(key.exact)), code.number, default, placed.rule.line, *code.gate, *key.exact]

    # ------------------------------------------------------------ translation

    def target(self, address: Interval | None, port: Interval | None) -> Words:
        """The words of a target of translation."""
        if any(each is not None and each[0] != each[1] for each in (address, port)):
            raise CannotTell
        if address is not None and not self._layout.addresses.has(address[0]):
            # Of the other family.
            raise CannotTell
        if port is not None and port[0] >= 1 << 16:
            raise CannotTell
        return [port[0] if port else p.STAYS, Entry(address[0] if address else None), *self._rest]

    def _numbered_target(self, address: Interval | None, port: Interval | None) -> int:
        """The number of a target that a map leads to."""
        key = (address, port)
        if key not in self._targets:
            self.targets += self.target(address, port)
            self._targets[key] = len(self._targets)
        return self._targets[key]

    def _nat(self, item: Nat, placed: PlacedRule) -> Words:
        if item.kind in ("masquerade", "snat"):
            # Whom a rewritten source makes the sender is not looked at again.
            return [p.MASQUERADE]
        if item.kind == "redirect":
            return self._redirect(item, placed)
        if (item.address is None or isinstance(item.address, tuple)) and (
            item.port is None or isinstance(item.port, tuple)
        ):
            return [op(p.TRANSLATE, placed.rule.line), *self.target(item.address, item.port)]
        if not isinstance(item.address, Lookup) or item.port is not None:
            raise CannotTell
        drawn = uniform(item.address.key)
        held = self._sets.static(item.address.container, placed.table)
        if drawn is not None:
            targets = [word for value in _values(drawn, held) for word in self._drawn_target(value)]
            return [op(p.TRANSLATE_DRAW, drawn.modulus), placed.rule.line, *targets]
        if is_random(item.address.key) or held.default is not None:
            raise CannotTell
        key = set_key(item.address.key)
        code = self._sets.write(held, key, lambda value: self._value(value, placed))
        return [op(p.TRANSLATE_MAP, len(key.exact)), code.number, placed.rule.line, *code.gate, *key.exact]

    def _redirect(self, item: Nat, placed: PlacedRule) -> Words:
        port = item.port
        if not (port is None or isinstance(port, tuple)) or not self._layout.knows_homes:
            raise CannotTell
        if port is not None and port[0] != port[1]:
            raise CannotTell
        self.redirects = True
        return [p.REDIRECT, placed.rule.line, port[0] if port else p.STAYS]

    def _drawn_target(self, value: object) -> Words:
        if value is None:
            return [p.NO_TARGET, Entry(None), *self._rest]
        if not isinstance(value, tuple) or not 1 <= len(value) <= 2:
            raise CannotTell
        return self.target(*_endpoint(value))


def leads_to(words: Words) -> Lead | None:
    """Where statements jump to, if that is all they do."""
    return words[1] if len(words) == 2 and words[0] == p.GO and isinstance(words[1], Lead) else None


def _endpoint(value: tuple[Component, ...]) -> tuple[Interval, Interval | None]:
    parts = intervals_of(value)
    return parts[0], parts[1] if len(parts) == 2 else None


def _values(drawn: Uniform, held: NamedSet | Elements) -> list[object]:
    """What a map holds for each value of a random number."""
    if drawn.modulus > MOST_VALUES:
        raise CannotTell
    values: list[object] = [held.default] * drawn.modulus
    for element in held.elements:
        (interval,) = intervals_of(element.key)
        for n in range(max(0, interval[0] - drawn.offset), min(drawn.modulus - 1, interval[1] - drawn.offset) + 1):
            values[n] = element.value
    return values


def _random_compare(item: Compare) -> Words:
    drawn = uniform(item.expression)
    if drawn is None:
        raise CannotTell
    share = share_of(drawn, item.values)
    share = 1 - share if item.negate else share
    return _chance(share.numerator, share.denominator)


def _chance(numerator: int, denominator: int) -> Words:
    if denominator > LARGEST_WORD:
        raise CannotTell
    return [p.CHANCE, numerator, denominator]


def _set_field(item: SetField) -> Words:
    """A mark as the exclusive or of masked marks and a constant, which every change that the tools write is."""
    if item.field.name not in ("mark", "ct mark"):
        raise CannotTell
    masks, flip = _linear(item.value)
    terms: Words = [word for name, mask in masks.items() if mask for word in (PLACES[name], p.signed(mask))]
    if len(terms) == 2 and terms[0] == PLACES[item.field.name]:
        return [op(p.FLIP, PLACES[item.field.name]), terms[1], p.signed(flip)]
    return [op(p.SET, len(terms) // 2), PLACES[item.field.name], *terms, p.signed(flip)]


def _linear(expression: Expression) -> tuple[dict[str, int], int]:
    """By mark, the bits that are taken from it; and the bits that are flipped."""
    if isinstance(expression, Field) and expression.name in ("mark", "ct mark"):
        return {expression.name: 0xFFFFFFFF}, 0
    if isinstance(expression, Constant) and isinstance(expression.value, int):
        return {}, expression.value
    if not isinstance(expression, Binary):
        raise CannotTell
    left, left_flip = _linear(expression.left)
    right, right_flip = _linear(expression.right)
    if expression.operator == "^":
        return {name: left.get(name, 0) ^ right.get(name, 0) for name in {**left, **right}}, left_flip ^ right_flip
    if right:
        raise CannotTell
    if expression.operator == "&":
        return {name: mask & right_flip for name, mask in left.items()}, left_flip & right_flip
    if expression.operator == "|":
        return {name: mask & ~right_flip for name, mask in left.items()}, left_flip & ~right_flip ^ right_flip
    raise CannotTell
