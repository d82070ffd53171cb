"""What one rule does to a packet: its items are run from left to right until one does not match or decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kcompile.evaluate.expressions import Draw, Expressions, is_random, recent_key
from kcompile.evaluate.packet import OutcomeKind
from kcompile.evaluate.state import Open, State
from kcompile.ir.addresses import ADDRESS_MAX, address_text, endpoint_text
from kcompile.ir.ruleset import (
    STATES,
    STATUSES,
    Assumed,
    Chance,
    Compare,
    Constant,
    Either,
    Expression,
    Field,
    InIPSet,
    Interval,
    IPSetReference,
    Item,
    Member,
    Nat,
    NoEffect,
    NoTrack,
    Recent,
    Reject,
    Rule,
    SetField,
    Table,
    Unknown,
    UnknownStatement,
    UpdateSet,
    Value,
    Verdict,
    VerdictMap,
)

MOST_CHOICES = 256
"""A range of more addresses or ports than this is not followed one by one."""


@dataclass(frozen=True, slots=True)
class Passed:
    """All items ran: the packet goes on to the next rule."""

    state: State
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The rule does not match. What it had changed before stays changed."""

    state: State


@dataclass(frozen=True, slots=True)
class Ways:
    """Chance decides: with each share that item stands in the place of item `at`; None passes it. The rest fails."""

    state: State
    actions: tuple[str, ...]
    at: int
    ways: tuple[tuple[Fraction, Item | None], ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """Nobody knows whether `matches` hold (if they do, the packet is at item `at`), or which of `instead` stands in
    the place of item `at`."""

    state: State
    actions: tuple[str, ...]
    at: int
    reason: str
    matches: tuple[Item, ...] = ()
    instead: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """A verdict that is not the packet's end."""

    state: State
    actions: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Translated:
    """NAT: the packet has left the chain, and this hook's other NAT chains."""

    state: State
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """The packet's end."""

    state: State
    actions: tuple[str, ...]
    verdict: OutcomeKind
    reason: str = ""


Result = Passed | Failed | Ways | Maybe | Go | Translated | Stop


def is_match(item: Item) -> bool:
    """Whether an item only matches, and leaves nothing to chance: such items may be looked at in any order."""
    if isinstance(item, Compare | Member):
        return not is_random(item.expression)
    return isinstance(item, InIPSet | Either | Assumed | Unknown)


class Rules:
    """Applies rules to packets that meet one host under one ruleset."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def apply(
        self,
        rule: Rule,
        table: Table,
        state: State,
        at: int = 0,
        instead: Item | None = None,
        actions: tuple[str, ...] = (),
    ) -> Result:
        """Run a rule from item `at` on, with `instead` in its place if given."""
        items = rule.items
        while at < len(items):
            if instead is None and is_match(items[at]):
                end = next((n for n in range(at, len(items)) if not is_match(items[n])), len(items))
                results = [(item, self._expressions.matches(item, state, table)) for item in items[at:end]]
                # Where one match fails for certain, what is unknown about its neighbours does not matter.
                if any(result is False for _, result in results):
                    return Failed(state)
                if unsettled := tuple(item for item, result in results if result is None):
                    if all(isinstance(item, NoEffect) for item in items[end:]):
                        return Failed(state)
                    return Maybe(state, actions, end, _reason(rule, unsettled), matches=unsettled)
                at = end
                continue
            item, instead = instead or items[at], None
            result = self._item(item, rule, table, state, at, actions)
            if not isinstance(result, Passed):
                return result
            state, actions = result.state, result.actions
            at += 1
        return Passed(state, actions)

    def _item(self, item: Item, rule: Rule, table: Table, state: State, at: int, actions: tuple[str, ...]) -> Result:
        if isinstance(item, Verdict):
            if item.kind == "drop":
                return Stop(state, (*actions, "drop"), "drop")
            if item.kind == "queue":
                return Stop(state, (*actions, "queue"), "unknown", f"line {rule.line}: handed to a program")
            return Go(state, (*actions, str(item)), item)
        if isinstance(item, Chance | Compare | Member):
            share = item.probability if isinstance(item, Chance) else self._expressions.matches(item, state, table)
            if share is None:
                return Stop(state, actions, "unknown", _reason(rule, (item,)))
            share = Fraction(share)
            if share == 1:
                return Passed(state, actions)
            return Ways(state, actions, at, ((share, None),)) if share else Failed(state)
        if isinstance(item, Recent):
            if not self._expressions.matches(item, state, table):
                return Failed(state)
            return Passed(_note_address(item, state), actions)
        if isinstance(item, SetField):
            return self._set_field(item, rule, table, state, at, actions)
        if isinstance(item, Nat):
            return self._nat(item, rule, table, state, at, actions)
        if isinstance(item, Reject):
            return Stop(state, (*actions, f"reject {item.answer}".rstrip()), "reject")
        if isinstance(item, VerdictMap):
            return self._verdict_map(item, rule, table, state, at, actions)
        if isinstance(item, UpdateSet):
            return Passed(self._update_set(item, table, state), (*actions, f"{item.operation} @{item.container.name}"))
        if isinstance(item, NoTrack):
            # It has an effect before conntrack only.
            early = state.ct_state == STATES["invalid"]
            return Passed(replace(state, ct_state=STATES["untracked"]) if early else state, (*actions, "notrack"))
        if isinstance(item, UnknownStatement):
            return Stop(state, actions, "unknown", f"line {rule.line}: {item.text}")
        return Passed(state, actions)

    def _set_field(
        self, item: SetField, rule: Rule, table: Table, state: State, at: int, actions: tuple[str, ...]
    ) -> Result:
        value = self._expressions.value(item.value, state, table)
        if value is None:
            return Failed(state)
        if isinstance(value, Draw):
            drawn = ((share, each) for share, each in value.ways if not isinstance(each, Verdict))
            return Ways(
                state, actions, at, tuple((share, SetField(item.field, Constant(each))) for share, each in drawn)
            )
        name = item.field.name
        if name not in ("mark", "ct mark") or not isinstance(value, int | Open):
            return Stop(state, actions, "unknown", _text(rule))
        text = f"{name} {value:#x}" if isinstance(value, int) else f"{name} unknown"
        after = replace(state, mark=value) if name == "mark" else replace(state, ct_mark=value)
        return Passed(after, (*actions, text))

    def _verdict_map(
        self, item: VerdictMap, rule: Rule, table: Table, state: State, at: int, actions: tuple[str, ...]
    ) -> Result:
        found = self._expressions.find(item.key, item.container, state, table)
        if isinstance(found, tuple):
            verdicts = tuple((share, value) for share, value in found if isinstance(value, Verdict))
            if len(verdicts) == 1 and verdicts[0][0] == 1:
                return self._item(verdicts[0][1], rule, table, state, at, actions)
            return Ways(state, actions, at, verdicts) if verdicts else Failed(state)
        possible = self._expressions.possible(item.key, item.container, state, table)
        reason = f"line {rule.line}: {rule.text}"
        verdicts_only = tuple(value for value in possible if isinstance(value, Verdict))
        if self._expressions.rules.elements(table, item.container)[0] is None:
            return Stop(state, actions, "unknown", reason)
        return Maybe(state, actions, at, reason, instead=verdicts_only) if verdicts_only else Failed(state)

    def _update_set(self, item: UpdateSet, table: Table, state: State) -> State:
        """The memory with a key put into a set, or taken out. A key that is not settled leaves it as it is."""
        if isinstance(item.container, IPSetReference):
            name = f"ipset {item.container.name}"
            held = self._expressions.rules.ruleset.ipsets.get(item.container.name)
            member = self._expressions.ipset_key(held, item.container.directions, state) if held else None
            timeout = item.timeout or (held.timeout if held else 0)
            if member is None or any(isinstance(part, Open) for part in member):
                return state
            gone = ("gone",) if item.operation == "delete" else ()
            until = state.seconds + timeout if timeout and not gone else None
            return replace(state, memory=state.memory.keep(name, member, (until, *gone)))
        value = self._expressions.value(item.key, state, table) if item.key is not None else None
        if value is None or isinstance(value, Open | Draw):
            return state
        key = value if isinstance(value, tuple) else (value,)
        name = f"{table.family} {table.name} {item.container.name}"
        if item.operation == "delete":
            return replace(state, memory=state.memory.drop(name, key))
        named = table.sets.get(item.container.name)
        timeout = item.timeout or (named.timeout if named else 0)
        # `add` leaves an element that is there as it is, `update` starts its time anew.
        if item.operation == "add" and self._expressions.remembered(table, item.container, key, state) is not None:
            return state
        data = self._expressions.value(item.value, state, table) if item.value is not None else ()
        held_data = data if isinstance(data, tuple) else (data,)
        if any(part is None or isinstance(part, Open | Draw) for part in held_data):
            return state
        until = state.seconds + timeout if timeout else None
        return replace(state, memory=state.memory.keep(name, key, (until, *held_data)))

    # ------------------------------------------------------------ NAT

    def _nat(self, item: Nat, rule: Rule, table: Table, state: State, at: int, actions: tuple[str, ...]) -> Result:
        hooks = ("prerouting", "output") if item.kind in ("dnat", "redirect") else ("postrouting", "input")
        if state.hook not in hooks:
            return Stop(state, actions, "unknown", f"line {rule.line}: {item.kind} in {state.hook}")
        found: dict[str, int | None] = {}
        for part, given in (("address", item.address), ("port", item.port)):
            interval = self._interval_of(item, part, given, state, table)
            if isinstance(interval, Draw):
                ways = tuple((share, _chosen(item, part, value)) for share, value in interval.ways)
                return Ways(state, actions, at, ways)
            if isinstance(interval, Nat):
                return self._nat(interval, rule, table, state, at, actions)
            if interval is None and given is not None:
                return Failed(state)
            if isinstance(interval, Open):
                return Stop(state, actions, "unknown", _text(rule))
            low, high = interval or (None, None)
            found[part] = low
            # The kernel keeps a port that lies in the range, and chooses another address or port by hash.
            if low is None or high is None or low == high or item.kind == "snat" or item.kind == "masquerade":
                continue
            if part == "port" and low <= state.dport <= high:
                found[part] = state.dport
            elif high - low < MOST_CHOICES:
                share = Fraction(1, high - low + 1)
                return Ways(state, actions, at, tuple((share, _with(item, part, (n, n))) for n in range(low, high + 1)))
            else:
                return Stop(state, actions, "unknown", _text(rule))
        address, port = found["address"], found["port"]
        if not 0 <= (address or 0) <= ADDRESS_MAX[state.family] or not 0 <= (port or 0) < 1 << 16:
            # An address of the other family, or no port: the tools would not load it.
            return Stop(state, actions, "unknown", _text(rule))
        host = self._expressions.host
        if item.kind == "redirect":
            loopback = 0x7F000001 if state.family == 4 else 1
            address = loopback if state.hook == "output" else host.source_for(state.family, state.saddr)
        if item.kind == "masquerade":
            address = host.source_for(state.family, state.daddr)
        if item.kind in ("dnat", "redirect"):
            after = replace(
                state,
                daddr=state.daddr if address is None else address,
                dport=state.dport if port is None else port,
                destination_done=True,
                translated=True,
                ct_status=state.ct_status | STATUSES["dnat"],
            )
            to = endpoint_text(after.family, after.daddr, after.dport)
            return Translated(after, (*actions, f"{item.kind} to {to}"))
        after = replace(
            state,
            saddr=state.saddr if address is None else address,
            sport=None if port is not None else state.sport,
            source_done=True,
            masqueraded=True,
            ct_status=state.ct_status | STATUSES["snat"],
        )
        return Translated(after, (*actions, f"{item.kind} as {address_text(after.family, after.saddr)}"))

    def _interval_of(
        self, item: Nat, part: str, given: Expression | Interval | None, state: State, table: Table
    ) -> Interval | Draw | Open | Nat | None:
        """The addresses or ports that NAT may choose from; None where there are none. An expression that gives an
        address and a port gives another NAT."""
        if given is None or isinstance(given, tuple):
            return given
        value = self._expressions.value(given, state, table)
        if value is None or isinstance(value, Draw | Open):
            return value
        chosen = _chosen(item, part, value)
        return Open() if isinstance(chosen, UnknownStatement) else chosen


def _chosen(item: Nat, part: str, value: Value | Verdict) -> Nat | UnknownStatement:
    """NAT with a value in the place of the expression that gave it."""
    parts = value if isinstance(value, tuple) else (value,)
    intervals = [_interval(each) for each in parts]
    if len(intervals) == 2 and part == "address" and all(intervals):
        return replace(item, address=intervals[0], port=intervals[1])
    if len(intervals) != 1 or intervals[0] is None:
        return UnknownStatement(f"{item.kind} to {value}")
    return _with(item, part, intervals[0])


def _with(item: Nat, part: str, interval: Interval) -> Nat:
    return replace(item, address=interval) if part == "address" else replace(item, port=interval)


def _note_address(item: Recent, state: State) -> State:
    """The memory after a list of recent addresses has seen the packet; xt_recent keeps 20 times of each."""
    name, key = f"recent {state.family} {item.name}", recent_key(item, state)
    if item.operation == "check":
        return state
    if item.operation == "remove":
        return replace(state, memory=state.memory.drop(name, key))
    stamps = (*state.memory.get(name, key), state.seconds)[-20:]
    return replace(state, memory=state.memory.keep(name, key, stamps))


def _interval(value: object) -> Interval | None:
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value
    return None


def _text(rule: Rule) -> str:
    return f"line {rule.line}: {rule.text}"


def _reason(rule: Rule, items: Sequence[Item]) -> str:
    texts = []
    for item in items:
        if isinstance(item, Unknown | Assumed):
            texts.append(item.text)
        elif isinstance(item, InIPSet):
            texts.append(f"ipset {item.reference.name}")
        elif isinstance(item, Compare) and isinstance(item.expression, Field):
            texts.append(item.expression.name)
        else:
            texts.append(rule.text)
    return f"line {rule.line}: {', '.join(texts)}"
