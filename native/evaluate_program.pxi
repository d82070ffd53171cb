"""The numbers and tables of a program: those of `kcompile.evaluate.program`, which the module checks when it is loaded."""

from array import array
from dataclasses import fields

from kcompile.evaluate import program as _program

cdef enum:
    END = 0
    RULE = 1
    EQUAL = 2
    NOT_EQUAL = 3
    INSIDE = 4
    OUTSIDE = 5
    MASKED = 6
    NOT_MASKED = 7
    SAME = 8
    AMONG = 9
    MEMBER = 10
    SOURCE_PORT = 11
    CHANCE = 12
    FLIP = 13
    SET = 14
    GO = 15
    DECIDE = 16
    MAP = 17
    DRAW = 18
    TRANSLATE = 19
    TRANSLATE_MAP = 20
    TRANSLATE_DRAW = 21
    REDIRECT = 22
    MASQUERADE = 23
    UNTRACK = 24
    CASCADE = 25
    SHARE = 26
    GIVE_UP = 27

cdef enum:
    SOURCE = 0
    SOURCE_RANGE = 1
    SOURCE_TYPE = 2
    SOURCE_FLAGS = 3
    DESTINATION = 4
    DESTINATION_RANGE = 5
    DESTINATION_TYPE = 6
    DESTINATION_FLAGS = 7
    PROTOCOL = 8
    SPORT = 9
    DPORT = 10
    SERVICE = 11
    MARK = 12
    CT_MARK = 13
    CT_STATE = 14
    CT_STATUS = 15
    CT_STATE_AND_NAT = 16
    FIELDS = 17

cdef enum:
    ACCEPT = 0
    DNAT = 1
    REJECT = 2
    DROP = 3
    SLOW = 255

cdef enum:
    GO_ACCEPT = 0
    GO_DROP = 1
    GO_REJECT = 2
    GO_RETURN = 3
    GO_CONTINUE = 4
    GO_GIVE_UP = 5
    GO_CHAIN = 6
    GOTO = 1
    LONG = 2

cdef enum:
    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4

cdef enum:
    STAGE_FILTER = 0
    STAGE_NAT = 1
    STAGE_CONNTRACK = 2
    STAGE_IPVS = 3
    STAGE_END = 4
    STAGE = 4
    ANYONE = -1

cdef enum:
    INVALID = 1
    NEW = 8
    UNTRACKED = 64
    STATE_SNAT = 65536
    STATE_DNAT = 131072
    STATUS_SNAT = 16
    STATUS_DNAT = 32
    LOCAL = 2
    OPCODE = 255
    LONG_HEADER = 6
    LINE = 16
    NEAR_SPACES = 8
    KEY_VALUE = 5
    KEY_PLACE = 6
    KEY_AHEAD = 7
    KEY_ENTRY = 8
    ADDRESS_ITSELF = 3
    TYPE_BITS = 4
    NO_TARGET = -2
    MOST_JUMPS = 64
    MOST_RULES = 100000

# What a rule or a chain ends with, besides a verdict.
cdef enum:
    NEXT = -1
    TRANSLATED = -2
    POLICY = -2
    GAVE_UP = -3

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15ULL
cdef uint64_t NO_SLOT = 0xFFFFFFFFFFFFFFFFULL

# A change of the program's numbers must be made here too.
for _name, _value in {
    "RULE": RULE, "MASKED": MASKED, "MEMBER": MEMBER, "FLIP": FLIP, "MAP": MAP, "REDIRECT": REDIRECT, "GIVE_UP": GIVE_UP,
    "SOURCE_FLAGS": SOURCE_FLAGS, "DESTINATION_FLAGS": DESTINATION_FLAGS, "SERVICE": SERVICE, "FIELDS": FIELDS,
    "DROP": DROP, "SLOW": SLOW, "GO_CHAIN": GO_CHAIN, "GOTO": GOTO, "LONG": LONG, "STAGE_END": STAGE_END,
    "STAGE": STAGE, "ANYONE": ANYONE, "MOST_JUMPS": MOST_JUMPS, "MOST_RULES": MOST_RULES,
    "OPCODE": OPCODE, "LINE": LINE, "LONG_HEADER": LONG_HEADER, "NEAR_SPACES": NEAR_SPACES, "KEY_VALUE": KEY_VALUE,
    "KEY_PLACE": KEY_PLACE, "KEY_AHEAD": KEY_AHEAD, "KEY_ENTRY": KEY_ENTRY, "ADDRESS_ITSELF": ADDRESS_ITSELF,
    "TYPE_BITS": TYPE_BITS, "NO_TARGET": NO_TARGET,
}.items():
    if getattr(_program, _name) != _value:
        raise ImportError(f"built for another kcompile.evaluate.program: {_name}")


cdef struct Tables:
    bint wide
    int32_t first_state
    int32_t address_entry
    int32_t target
    uint64_t address_mask
    const int32_t *addresses
    int32_t ranges
    const uint64_t *range_high
    const uint64_t *range_low
    const int32_t *range_type
    uint64_t key_mask
    const int32_t *keys
    int32_t size
    const int32_t *code
    const int32_t *order
    const int32_t *hooks
    const int32_t *stages
    const int32_t *rest_first
    const int32_t *rest_words
    const int32_t *targets
    const int32_t *homes
    int32_t server_space
    int32_t any_port_flag
    const int32_t *server_words
    int32_t lead_flags
    int32_t lead_space
    const int32_t *ahead


# All tables lie in one piece of memory, so that huge pages spare look-ups of pages for small ones too.
cdef extern from *:
    """
    #include <stdlib.h>
    #include "huge_pages.h"
    static void *allocate_tables(size_t size) {
        void *memory = NULL;
        size_t huge = HUGE_PAGE;
        if (size > huge / 4) size = (size + huge - 1) & ~(huge - 1);
        if (posix_memalign(&memory, size >= huge ? huge : 64, size)) return NULL;
        prefer_huge_pages(memory, size);
        return memory;
    }
    """
    void *allocate_tables(size_t size) noexcept nogil


cdef class Loaded:
    """The tables of a program, as the evaluator reads them."""

    cdef Tables tables
    cdef uint8_t *memory
    cdef size_t used

    def __cinit__(self, p):
        cdef Tables *t = &self.tables
        columns = (getattr(p, field.name) for field in fields(p))
        size = sum(in_lines(memoryview(column).nbytes) for column in columns if isinstance(column, array))
        self.memory = <uint8_t *> allocate_tables(size)
        if self.memory == NULL:
            raise MemoryError
        t.wide = p.family == 6
        t.first_state = p.first_state
        t.address_entry = _program.ADDRESS_ENTRY[p.family]
        t.target = _program.TARGET[p.family]
        t.address_mask = p.address_mask
        t.addresses = self.words(p.addresses)
        t.ranges = len(p.range_low)
        t.range_high = <const uint64_t *> self.copy(p.range_high)
        t.range_low = <const uint64_t *> self.copy(p.range_low)
        t.range_type = self.words(p.range_type)
        t.key_mask = p.key_mask
        t.keys = self.words(p.keys)
        t.size = len(p.code)
        t.code = self.words(p.code)
        t.order = self.words(p.order)
        t.hooks = self.words(p.hooks)
        t.stages = self.words(p.stages)
        t.rest_first = self.words(p.rest_first)
        t.rest_words = self.words(p.rest_words)
        t.targets = self.words(p.targets)
        t.homes = self.words(p.homes)
        t.server_space = p.server_space
        t.any_port_flag = p.any_port_flag
        t.server_words = self.words(p.server_words)
        t.lead_flags = p.lead_flags
        t.lead_space = p.lead_space
        t.ahead = t.code if p.server_space < 0 else t.server_words

    def __dealloc__(self):
        free(self.memory)

    cdef const int32_t *words(self, column) except NULL:
        return <const int32_t *> self.copy(column)

    cdef const void *copy(self, column) except NULL:
        """A copy of a table. It begins where a line of memory does: an entry then lies in one line."""
        cdef const uint8_t[::1] table = memoryview(column).cast("B")
        cdef uint8_t *place = self.memory + self.used
        if table.shape[0]:
            memcpy(place, &table[0], table.shape[0])
        self.used += in_lines(table.shape[0])
        return place


cdef size_t in_lines(size_t size) noexcept:
    """The bytes of the lines of memory that a table takes, at least one."""
    return (size // 64 + 1) * 64


cdef Loaded loaded(object program):
    """The tables of a program, which keeps them for the next call."""
    if program.loaded is None:
        program.loaded = Loaded(program)
    return program.loaded
