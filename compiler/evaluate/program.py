"""A ruleset as a program of numbers: what `native.evaluate` and its twin run for millions of packets.

One program serves one address family and one host, and the first packets of connections. Everything that can be decided
beforehand is: addresses that stand in rules have numbers, sets and long chains are looked up by hash, verdicts are
places in the code. What is needed together stands together and is small, because with ten thousand Services waiting for
memory is most of the time.

What a program cannot decide (an interface, affinity that earlier packets leave, a match that is not understood) it
gives up on with SLOW, and only when a packet really comes there: `evaluate.many` then follows that packet as
`evaluate.walk` does.

An instruction is a word with its opcode in the low byte and its `of` above, and the words that it takes. A rule begins
with RULE, and an instruction that does not match goes on behind the rule. `line` is that of the rule in the text.

    RULE of=length                  a rule of so many words, this one included
    EQUAL of=field value            NOT_EQUAL of=field value
    INSIDE of=field low high        OUTSIDE of=field low high
    MASKED of=field mask value      NOT_MASKED of=field mask value
    SAME of=field field             the two are equal
    AMONG of=count negate (field low high)*     one of several intervals
    MEMBER of=count negate set side flag field* a set, by hash and then by its `rest`
    SOURCE_PORT of=open length                  if the source port is not given: 1 passes, 0 fails, 2 gives up, and the
                                                next instruction, of this length, is skipped
    CHANCE numerator denominator
    FLIP of=field mask flip         field = the masked field xor flip
    SET of=count field (field mask)* flip       field = xor of the masked fields, and flip
    GO verdict
    DECIDE verdict line                         GO to the packet's end
    MAP of=count set default line side flag field*  a verdict map; default -1 for none
    DRAW of=modulus line verdict*               a verdict by a random number; -1 for none
    TRANSLATE of=line target
    TRANSLATE_MAP of=count set line side flag field*    its values are numbers of `targets`
    TRANSLATE_DRAW of=modulus line target*
    REDIRECT line port              to the host itself; port -1 for one that stays
    MASQUERADE
    UNTRACK
    CASCADE of=count verdict        one of so many rules that share packets evenly is drawn, this one or one behind it
    SHARE of=count mask flip (line target)*     TRANSLATE to one of so many endpoints, drawn evenly; of a packet that
                                                the endpoint itself has sent, the mark becomes the masked mark xor flip
    GIVE_UP
    END                             of a chain, or of a rule of a long chain

An address has an entry: its number, its interval and type (`packed`), its flags, and itself in one word or four. A
target is a port (-1 for one that stays, NO_TARGET for none at all) and the entry of an address (number -1 for one that
stays).

A flag says of an address that it stands in a certain hash space, as source or as destination. Most do not, so most
look-ups need not be made. `side` is the field whose flags are asked; a flag of 0 means that the look-up depends on
neither address.

Most chains are their rules and END. A long one has a header (see `LONG_HEADER`): the rules that a packet may match are
found in up to four lists, those that any packet may match and for each of KEYS those that want just its values. They
are merged by their places in the code. A key of one rule alone has its place, and its verdict if that is all it does.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from kcompile.ir.ruleset import STATES

(
    END,
    RULE,
    EQUAL,
    NOT_EQUAL,
    INSIDE,
    OUTSIDE,
    MASKED,
    NOT_MASKED,
    SAME,
    AMONG,
    MEMBER,
    SOURCE_PORT,
    CHANCE,
    FLIP,
    SET,
    GO,
    DECIDE,
    MAP,
    DRAW,
    TRANSLATE,
    TRANSLATE_MAP,
    TRANSLATE_DRAW,
    REDIRECT,
    MASQUERADE,
    UNTRACK,
    CASCADE,
    SHARE,
    GIVE_UP,
) = range(28)
OPCODE = 255
MOST_OF = (1 << 22) - 1


def op(opcode: int, of: int = 0) -> int:
    """The first word of an instruction."""
    return opcode | of << 8


# The facts about a packet, by their place in its state. An address has four: its number (0 for one that stands in no
# rule), the number of the interval that it lies in, its type and its flags. SERVICE is the protocol and the port.
(
    SOURCE,
    SOURCE_RANGE,
    SOURCE_TYPE,
    SOURCE_FLAGS,
    DESTINATION,
    DESTINATION_RANGE,
    DESTINATION_TYPE,
    DESTINATION_FLAGS,
    PROTOCOL,
    SPORT,
    DPORT,
    SERVICE,
    MARK,
    CT_MARK,
    CT_STATE,
    CT_STATUS,
    CT_STATE_AND_NAT,
    FIELDS,
) = range(18)

# Verdicts of a packet, as numbers in the result's column.
VERDICTS = ("accept", "dnat", "reject", "drop", "unknown")
ACCEPT, DNAT, REJECT, DROP, UNKNOWN = range(5)
SLOW = 255

# What a GO leads to; above these a jump or goto: four times the place of its chain in the code, plus one for goto, plus
# two for a long chain.
(GO_ACCEPT, GO_DROP, GO_REJECT, GO_RETURN, GO_CONTINUE, GO_GIVE_UP, GO_CHAIN) = range(7)
GOTO, LONG = 1, 2

# What a stage of a hook is.
STAGE_FILTER, STAGE_NAT, STAGE_CONNTRACK, STAGE_IPVS, STAGE_END = range(5)
STAGE = 4
ANYONE = -1
"""In the place of flags of destinations: whatever the destination is."""
STAGE_NUMBERS = {"filter": STAGE_FILTER, "nat": STAGE_NAT, "conntrack": STAGE_CONNTRACK, "ipvs": STAGE_IPVS}

# How the rules of a long chain are found, besides those that any packet may match: by these fields, each in a hash
# space of its own.
KEYS = ((DESTINATION, SERVICE), (DESTINATION,), (SERVICE,))
MOST_WORDS = 4
"""A hash key has a space and as many words; the ones that are not used are 0."""
NEAR_SPACES = 8
"""So many spaces with the same fields have the same hash: a packet's look-ups in them are near each other in memory.
The first so many are for a destination and a service, by which most packets are looked up."""

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
    return mix((low ^ mix(high + (space // NEAR_SPACES + 1) * GOLDEN & MASK64)) & MASK64)


def hash_address(high: int, low: int) -> int:
    return mix((low + high * GOLDEN) & MASK64)


def words() -> array[int]:
    return array("i")


def longs() -> array[int]:
    return array("Q")


MOST_JUMPS = 64
MOST_RULES = 100_000
"""Of the rules that one packet is held against; chains that go in a circle would never end."""
LINE = 16
"""Words that come from memory together: a short chain lies in one such line."""
LONG_HEADER = 3 + len(KEYS)
"""The list in `order` of the rules for any packet, which of KEYS are used (bits), the flag of those with a destination,
and the hash space of each."""
LAST_FLAG = 30
"""Hash spaces beyond the thirtieth share a flag."""

# The words of an entry in the hash table of keys, and of an address.
KEY_SPACE, KEY_WORDS, KEY_VALUE, KEY_PLACE, KEY_AHEAD, KEY_ENTRY = 0, 1, 5, 6, 7, 8
ADDRESS_NUMBER, ADDRESS_PACKED, ADDRESS_FLAGS, ADDRESS_ITSELF = range(4)
ADDRESS_ENTRY = {4: 4, 6: 8}
TYPE_BITS = 4
TARGET = {4: 5, 6: 8}
"""The port, and the entry of an address as far as it goes."""
ADDRESS_FLAGS_FIELD = SOURCE_FLAGS - SOURCE
"""How far behind the field of an address its flags are."""
STAYS, NO_TARGET = -1, -2
SERVER = {family: 2 + length for family, length in TARGET.items()}


def packed(range_: int, type_: int) -> int:
    """The interval that an address lies in, and its type."""
    return range_ << TYPE_BITS | type_


def address_words(family: int, value: int) -> tuple[int, ...]:
    """An address as words, the last 32 bits first."""
    return tuple(signed(value >> shift) for shift in ((0,) if family == 4 else (0, 32, 64, 96)))


def service(protocol: int, port: int) -> int:
    """A protocol and a port as one word."""
    return protocol << 16 | port


def protocol_and_port(word: int) -> tuple[int, int]:
    return word >> 16, word & 0xFFFF


def signed(number: int) -> int:
    """A number of 32 bits as the word that holds it."""
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number & 0x80000000 else number


@dataclass(slots=True)
class Program:
    """The arrays of a program. Every index in them has been checked when they were made.

    - `addresses`: a hash table of the addresses that stand in rules; number 0 marks a free slot.
    - `range_high`, `range_low`: where intervals begin, sorted. `range_type`: the type of the addresses in each.
    - `keys`: a hash table from a space and words to a value, for a chain's single rule to its place (-1 for a
      list), and to what the entry leads to, for fetching it: a place in `server_words` if there are any, else in
      `code`. Space -1 marks a free slot.
    - `order`: lists of places of rules, each ended by a huge number; the first one is empty.
    - `first_state`: what conntrack says of a packet when it comes in.
    - `stages`: by hook, from its place in `hooks` to STAGE_END: the kind, what leads to the chain, whether its policy
      is drop, and the flags of the destinations for which it may matter, or ANYONE.
    - `rest_words`: the elements of sets that hold intervals, by `rest_first` of the set (-1 for none): how many, how
      many intervals each has, then for each element its (field, low, high) and its value.
    - `targets`: those that maps lead to. `homes`: entries of addresses: loopback, then for each interval of sources the
      host's own address that is nearest to it; empty if no rule redirects.
    - `server_words`: the virtual servers of ipvs, at the values of their keys: the total weight (-1 gives up), the
      count, then for each real server its weight, whether it is on the host itself, and its target. `any_port_flag`:
      of destinations that may have a server for every port; 0 if none has.
    - `loaded`: the same as the native evaluator keeps it, made on first use.
    - `lead_flags`, `lead_space`: the flags of destinations, and the hash space of services, that lead to chains or to
      virtual servers, for fetching what a packet will need.
    """

    family: int = 4
    first_state: int = STATES["invalid"]
    address_mask: int = 0
    addresses: array[int] = field(default_factory=words)
    range_high: array[int] = field(default_factory=longs)
    range_low: array[int] = field(default_factory=longs)
    range_type: array[int] = field(default_factory=words)
    key_mask: int = 0
    keys: array[int] = field(default_factory=words)
    code: array[int] = field(default_factory=words)
    order: array[int] = field(default_factory=words)
    hooks: array[int] = field(default_factory=words)
    stages: array[int] = field(default_factory=words)
    rest_first: array[int] = field(default_factory=words)
    rest_words: array[int] = field(default_factory=words)
    targets: array[int] = field(default_factory=words)
    homes: array[int] = field(default_factory=words)
    server_space: int = -1
    any_port_flag: int = 0
    server_words: array[int] = field(default_factory=words)
    lead_flags: int = 0
    lead_space: int = -1
    loaded: object = field(default=None, repr=False, compare=False)
