"""A ruleset as a program of numbers: what `native.evaluate` and its twin run for millions of packets.

One program serves one address family and one host. Everything that can be decided beforehand is: addresses that stand
in rules have numbers, sets and long chains are looked up by hash, verdicts are places in the code. What is needed
together stands together, because with ten thousand Services waiting for memory is most of the time.

What a program cannot decide (an interface, affinity that earlier packets leave, a match that is not understood) it
gives up on with SLOW, and only when a packet really comes there: `evaluate.many` then follows that packet as
`evaluate.walk` does.

A chain is four words: its hash space (-1 for none), its list in `order`, which of KEYS it uses (bits), and a flag.
Then come its rules; a rule is its length (0 after the last rule) and its instructions, each of which begins with its
opcode. An instruction that does not match leads to the next rule. `line` is that of the rule in the text.

    EQUAL field value               NOT_EQUAL field value
    INSIDE field low high           OUTSIDE field low high
    MASKED field mask value         NOT_MASKED field mask value
    AMONG negate count (field low high)*        one of several intervals
    MEMBER negate set count flag field*         a set, by hash and then by its `rest`
    SOURCE_PORT open length                     if the source port is not given: 1 passes, 0 fails, 2 gives up, and the
                                                next instruction, of this length, is skipped
    CHANCE numerator denominator
    SET field count (field mask)* flip          field = xor of the masked fields, and flip
    GO verdict line
    MAP set count default line flag field*      a verdict map; default -1 for none
    DRAW modulus line verdict*                  a verdict by a random number; -1 for none
    TRANSLATE line target
    TRANSLATE_MAP set count line flag field*    its values are numbers of `targets`
    TRANSLATE_DRAW modulus line target*
    MASQUERADE
    UNTRACK
    CASCADE count                               the next rules share packets evenly, by a CHANCE each: one is drawn
    GIVE_UP
    END

An address has an entry: its number, its interval, its type, its flags, and itself in four words. A target is a port
(-1 for one that stays, NO_TARGET for none at all) and the entry of an address (number -1 for one that stays).

A flag says of a destination that it stands in a certain hash space. Most do not, so most look-ups need not be made; a
flag of 0 means that the look-up does not depend on the destination.

In a chain that has a hash space, the rules that a packet may match are found in up to four lists: those that any packet
may match, and for each of KEYS those that want just its values. They are merged by their places in the code. A key of
one rule alone has its place, and its verdict if that is all it does.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

(
    END,
    EQUAL,
    NOT_EQUAL,
    INSIDE,
    OUTSIDE,
    MASKED,
    NOT_MASKED,
    AMONG,
    MEMBER,
    SOURCE_PORT,
    CHANCE,
    SET,
    GO,
    MAP,
    DRAW,
    TRANSLATE,
    TRANSLATE_MAP,
    TRANSLATE_DRAW,
    MASQUERADE,
    UNTRACK,
    CASCADE,
    GIVE_UP,
) = range(22)

# The facts about a packet, by their place in its state. An address has two: its number (0 for one that stands in no
# rule), and the number of the interval that it lies in.
(
    SOURCE,
    SOURCE_RANGE,
    DESTINATION,
    DESTINATION_RANGE,
    PROTOCOL,
    SPORT,
    DPORT,
    MARK,
    CT_MARK,
    CT_STATE,
    CT_STATUS,
    SOURCE_TYPE,
    DESTINATION_TYPE,
    CT_STATE_AND_NAT,
    DESTINATION_FLAGS,
    FIELDS,
) = range(16)

# Verdicts of a packet, as numbers in the result's column.
VERDICTS = ("accept", "dnat", "reject", "drop", "unknown")
ACCEPT, DNAT, REJECT, DROP, UNKNOWN = range(5)
SLOW = 255

# What a GO leads to; a jump or goto is the place of its chain in the code, doubled, plus one for goto, above these.
(GO_ACCEPT, GO_DROP, GO_REJECT, GO_RETURN, GO_CONTINUE, GO_GIVE_UP, GO_CHAIN) = range(7)

# The hooks in the order of their stages, and what a stage is.
HOOK_NUMBERS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
STAGE_FILTER, STAGE_NAT, STAGE_CONNTRACK, STAGE_IPVS = range(4)
STAGE_NUMBERS = {"filter": STAGE_FILTER, "nat": STAGE_NAT, "conntrack": STAGE_CONNTRACK, "ipvs": STAGE_IPVS}

# How the rules of a chain are found, besides those that any packet may match: by these fields, each in a hash space of
# its own. A chain's spaces are numbered from its first.
KEYS = ((DESTINATION, PROTOCOL, DPORT), (DESTINATION,), (PROTOCOL, DPORT))
MOST_WORDS = 4
"""A hash key has a space and as many words; the ones that are not used are 0."""

GOLDEN = 0x9E3779B97F4A7C15
MASK64 = (1 << 64) - 1


def mix(number: int) -> int:
    """splitmix64's finalizer: 64 bits in, 64 well mixed bits out. https://prng.di.unimi.it/splitmix64.c"""
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & MASK64
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & MASK64
    return number ^ number >> 31


def hash_key(space: int, words: tuple[int, ...]) -> int:
    """The hash of a key, as both evaluators compute it."""
    a, b, c, d = (*words, *(0,) * (MOST_WORDS - len(words)))
    low = (a & 0xFFFFFFFF) | (b & 0xFFFFFFFF) << 32
    high = (c & 0xFFFFFFFF) | (d & 0xFFFFFFFF) << 32
    return mix((low ^ mix(high + (space + 1) * GOLDEN & MASK64)) & MASK64)


def hash_address(high: int, low: int) -> int:
    return mix((low + high * GOLDEN) & MASK64)


def words() -> array[int]:
    return array("i")


def longs() -> array[int]:
    return array("Q")


CHAIN_HEADER = 4
LAST_FLAG = 30
"""Hash spaces beyond the thirtieth share a flag."""

# The words of an entry in the hash table of keys, of an address, of a target, and of a rule in a cascade.
KEY_SPACE, KEY_WORDS, KEY_VALUE, KEY_PLACE, KEY_ENTRY = 0, 1, 5, 6, 8
ADDRESS_WORDS, ADDRESS_ENTRY = 4, 8
TARGET = 1 + ADDRESS_ENTRY
STAYS, NO_TARGET = -1, -2
CASCADE_RULE = 8
SERVER = 2 + TARGET


def address_words(value: int) -> tuple[int, int, int, int]:
    """An address as four words, the last 32 bits first."""
    return tuple(signed(value >> shift) for shift in (0, 32, 64, 96))  # type: ignore[return-value]


def signed(number: int) -> int:
    """A number of 32 bits as the word that holds it."""
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number & 0x80000000 else number


@dataclass(slots=True)
class Program:
    """The arrays of a program. Every index in them has been checked when they were made.

    - `addresses`: a hash table of the addresses that stand in rules; number 0 marks a free slot.
    - `range_high`, `range_low`: where intervals begin, sorted. `range_type`: the type of the addresses in each.
    - `keys`: a hash table from a space and words to a value, and for a chain's single rule to its place (-1 for a
      list); space -1 marks a free slot.
    - `order`: lists of places of rules, each ended by a huge number; the first one is empty.
    - `stage_*`: by hook, `stage_first` to the next one's: the kind, the chain's place, whether the policy is drop.
    - `rest_words`: the elements of sets that hold intervals, by `rest_first` of the set: how many, then for each
      element its (field, low, high) and its value.
    - `targets`: those that maps lead to.
    - `server_words`: the virtual servers of ipvs, by `server_first`: the total weight (-1 gives up), the count, then
      for each real server its weight, whether it is on the host itself, and its target.
    - `flag_space`, `flag_kind`: by flag, its hash space, and which of KEYS it takes (-1 for none, 3 for virtual
      servers).
    """

    family: int = 4
    address_mask: int = 0
    addresses: array[int] = field(default_factory=words)
    range_high: array[int] = field(default_factory=longs)
    range_low: array[int] = field(default_factory=longs)
    range_type: array[int] = field(default_factory=words)
    key_mask: int = 0
    keys: array[int] = field(default_factory=words)
    code: array[int] = field(default_factory=words)
    order: array[int] = field(default_factory=words)
    stage_first: array[int] = field(default_factory=words)
    stage_kind: array[int] = field(default_factory=words)
    stage_chain: array[int] = field(default_factory=words)
    stage_drops: array[int] = field(default_factory=words)
    rest_first: array[int] = field(default_factory=words)
    rest_words: array[int] = field(default_factory=words)
    targets: array[int] = field(default_factory=words)
    server_space: int = -1
    server_flag: int = 0
    server_first: array[int] = field(default_factory=words)
    server_words: array[int] = field(default_factory=words)
    flag_space: array[int] = field(default_factory=words)
    flag_kind: array[int] = field(default_factory=words)
