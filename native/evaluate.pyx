"""Run a program of `kcompile.evaluate.program` for many packets, as `kcompile.twins.evaluate` does in plain Python.

The words of a program are trusted: `kcompile.evaluate.assemble` made them, and every index in them points into its
arrays. The columns are not: their lengths are checked before the first packet.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from kcompile.evaluate import program as _program

cdef enum:
    END = 0
    EQUAL = 1
    NOT_EQUAL = 2
    INSIDE = 3
    OUTSIDE = 4
    MASKED = 5
    NOT_MASKED = 6
    AMONG = 7
    MEMBER = 8
    SOURCE_PORT = 9
    CHANCE = 10
    SET = 11
    GO = 12
    MAP = 13
    DRAW = 14
    TRANSLATE = 15
    TRANSLATE_MAP = 16
    TRANSLATE_DRAW = 17
    MASQUERADE = 18
    UNTRACK = 19
    CASCADE = 20
    GIVE_UP = 21

cdef enum:
    SOURCE = 0
    SOURCE_RANGE = 1
    DESTINATION = 2
    DESTINATION_RANGE = 3
    PROTOCOL = 4
    SPORT = 5
    DPORT = 6
    MARK = 7
    CT_MARK = 8
    CT_STATE = 9
    CT_STATUS = 10
    SOURCE_TYPE = 11
    DESTINATION_TYPE = 12
    CT_STATE_AND_NAT = 13
    DESTINATION_FLAGS = 14
    FIELDS = 15

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

cdef enum:
    INVALID = 1
    NEW = 8
    UNTRACKED = 64
    STATE_SNAT = 65536
    STATE_DNAT = 131072
    STATUS_SNAT = 16
    STATUS_DNAT = 32
    LOCAL = 2
    CHAIN_HEADER = 4
    KEY_VALUE = 5
    KEY_PLACE = 6
    KEY_ENTRY = 8
    ADDRESS_ENTRY = 8
    TARGET = 9
    NO_TARGET = -2
    CASCADE_RULE = 8
    SERVER = 11
    SERVER_KIND = 3
    MOST_JUMPS = 64
    MOST_RULES = 100000

# What a rule or a chain ends with, besides a verdict.
cdef enum:
    NEXT = -1
    TRANSLATED = -2
    POLICY = -2
    GAVE_UP = -3

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15ULL

# The numbers above are those of the program; a change there must be made here too.
for _name, _value in {
    "GIVE_UP": GIVE_UP, "TRANSLATE_DRAW": TRANSLATE_DRAW, "DESTINATION_FLAGS": DESTINATION_FLAGS, "FIELDS": FIELDS,
    "DROP": DROP, "SLOW": SLOW, "GO_CHAIN": GO_CHAIN, "STAGE_IPVS": STAGE_IPVS, "KEY_VALUE": KEY_VALUE,
    "CHAIN_HEADER": CHAIN_HEADER,
    "KEY_ENTRY": KEY_ENTRY, "ADDRESS_ENTRY": ADDRESS_ENTRY, "TARGET": TARGET,
    "SERVER": SERVER, "CASCADE_RULE": CASCADE_RULE, "NO_TARGET": NO_TARGET,
}.items():
    if getattr(_program, _name) != _value:
        raise ImportError(f"built for another kcompile.evaluate.program: {_name}")


cdef struct Tables:
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
    const int32_t *stage_first
    const int32_t *stage_kind
    const int32_t *stage_chain
    const int32_t *stage_drops
    const int32_t *rest_first
    const int32_t *rest_words
    const int32_t *targets
    int32_t server_space
    int32_t server_flag
    const int32_t *server_first
    const int32_t *server_words
    int32_t flags
    const int32_t *flag_space
    const int32_t *flag_kind


cdef struct Packet:
    int32_t state[15]
    uint64_t high
    uint64_t low
    uint64_t random
    const int32_t *lead
    int32_t line
    int32_t budget
    bint translated
    bint masqueraded


# Where to look for the next rule of a chain: at `place` in the code, or with lists in the nearest of them. A list is its
# next place in `order`; in front of it there may be a single rule, with its verdict if that is known.
cdef struct Frame:
    int32_t lists
    int32_t place
    int32_t next[4]
    int32_t single[4]
    int32_t verdict[4]


# ---------------------------------------------------------------- hashes and chance

cdef inline uint64_t mix(uint64_t number) noexcept nogil:
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9ULL
    number = (number ^ (number >> 27)) * 0x94D049BB133111EBULL
    return number ^ (number >> 31)


cdef inline int32_t draw(Packet *packet, int32_t modulus) noexcept nogil:
    packet.random += GOLDEN
    return <int32_t> (((mix(packet.random) >> 32) * <uint64_t> modulus) >> 32)


cdef inline uint64_t key_slot(const Tables *t, int32_t space, int32_t a, int32_t b, int32_t c, int32_t d) noexcept nogil:
    cdef uint64_t low = <uint64_t> <uint32_t> a | (<uint64_t> <uint32_t> b) << 32
    cdef uint64_t high = <uint64_t> <uint32_t> c | (<uint64_t> <uint32_t> d) << 32
    return mix(low ^ mix(high + <uint64_t> (space + 1) * GOLDEN)) & t.key_mask


cdef inline const int32_t *find(
    const Tables *t, int32_t space, int32_t a, int32_t b, int32_t c, int32_t d
) noexcept nogil:
    """The entry of a key; NULL where there is none."""
    cdef uint64_t slot = key_slot(t, space, a, b, c, d)
    cdef const int32_t *entry = t.keys + slot * KEY_ENTRY
    while entry[0] >= 0:
        if entry[0] == space and entry[1] == a and entry[2] == b and entry[3] == c and entry[4] == d:
            return entry
        slot = (slot + 1) & t.key_mask
        entry = t.keys + slot * KEY_ENTRY
    return NULL


cdef inline bint flagged(const Packet *packet, int32_t flag) noexcept nogil:
    """Whether a look-up may find anything for this destination."""
    return flag == 0 or (packet.state[DESTINATION_FLAGS] & flag) != 0


# ---------------------------------------------------------------- addresses

cdef struct Address:
    uint64_t high
    uint64_t low


cdef inline uint64_t hash_address(Address address) noexcept nogil:
    return mix(address.low + address.high * GOLDEN)


cdef inline void settle(
    Packet *packet, int field, int32_t number, int32_t range_, int32_t kind, int32_t flags
) noexcept nogil:
    packet.state[field] = number
    packet.state[field + 1] = range_
    if field == SOURCE:
        packet.state[SOURCE_TYPE] = kind
    else:
        packet.state[DESTINATION_TYPE] = kind
        packet.state[DESTINATION_FLAGS] = flags


cdef inline void look_up(const Tables *t, Packet *packet, int field, Address address) noexcept nogil:
    """The number of an address, by hash; else the interval that it lies in, by bisection."""
    cdef uint64_t high = address.high, low = address.low
    cdef uint64_t slot = hash_address(address) & t.address_mask
    cdef const int32_t *entry = t.addresses + slot * ADDRESS_ENTRY
    cdef int32_t first, last, middle
    while entry[0]:
        if (
            entry[4] == <int32_t> low and entry[5] == <int32_t> (low >> 32)
            and entry[6] == <int32_t> high and entry[7] == <int32_t> (high >> 32)
        ):
            settle(packet, field, entry[0], entry[1], entry[2], entry[3])
            return
        slot = (slot + 1) & t.address_mask
        entry = t.addresses + slot * ADDRESS_ENTRY
    first, last = 0, t.ranges
    while last - first > 1:
        middle = (first + last) >> 1
        if t.range_high[middle] < high or (t.range_high[middle] == high and t.range_low[middle] <= low):
            first = middle
        else:
            last = middle
    settle(packet, field, 0, first, t.range_type[first], 0)


cdef inline void conntrack(Packet *packet, int32_t state, int32_t status) noexcept nogil:
    packet.state[CT_STATE] = state
    packet.state[CT_STATUS] = status
    packet.state[CT_STATE_AND_NAT] = (
        state | (STATE_DNAT if status & STATUS_DNAT else 0) | (STATE_SNAT if status & STATUS_SNAT else 0)
    )


cdef inline void translate(Packet *packet, const int32_t *target, int32_t line, bint status) noexcept nogil:
    if target[1] >= 0:
        settle(packet, DESTINATION, target[1], target[2], target[3], target[4])
        packet.low = <uint64_t> <uint32_t> target[5] | (<uint64_t> <uint32_t> target[6]) << 32
        packet.high = <uint64_t> <uint32_t> target[7] | (<uint64_t> <uint32_t> target[8]) << 32
    if target[0] >= 0:
        packet.state[DPORT] = target[0]
    if status:
        conntrack(packet, packet.state[CT_STATE], packet.state[CT_STATUS] | STATUS_DNAT)
    packet.translated = True
    packet.line = line


# ---------------------------------------------------------------- rules

cdef int32_t in_set(
    const Tables *t, const Packet *packet, int32_t number, int32_t flag, const int32_t *fields, int32_t count
) noexcept nogil:
    """The value that a set holds for a packet; -1 where it has none."""
    cdef const int32_t *entry
    if flagged(packet, flag):
        entry = find(
            t, number,
            packet.state[fields[0]],
            packet.state[fields[1]] if count > 1 else 0,
            packet.state[fields[2]] if count > 2 else 0,
            packet.state[fields[3]] if count > 3 else 0,
        )
        if entry != NULL:
            return entry[KEY_VALUE]
    cdef const int32_t *words = t.rest_words + t.rest_first[number]
    cdef int32_t left = words[0]
    cdef int32_t n
    words += 1
    while left > 0:
        for n in range(count):
            if not words[3 * n + 1] <= packet.state[words[3 * n]] <= words[3 * n + 2]:
                break
        else:
            return words[3 * count]
        words += 3 * count + 1
        left -= 1
    return -1


cdef inline int32_t decided(Packet *packet, int32_t go, int32_t line) noexcept nogil:
    if go == GO_DROP or go == GO_REJECT:
        packet.line = line
    return go


cdef int32_t run_rule(const Tables *t, Packet *packet, const int32_t *code) noexcept nogil:
    """The verdict of a rule; NEXT for none, TRANSLATED where NAT has ended the chain, or GAVE_UP."""
    cdef int32_t *state = packet.state
    cdef const int32_t *target
    cdef int32_t op, count, n, value
    cdef bint inside
    while True:
        op = code[0]
        if op == EQUAL:
            if state[code[1]] != code[2]:
                return NEXT
            code += 3
        elif op == GO:
            return decided(packet, code[1], code[2])
        elif op == MASKED:
            if (state[code[1]] & code[2]) != code[3]:
                return NEXT
            code += 4
        elif op == NOT_MASKED:
            if (state[code[1]] & code[2]) == code[3]:
                return NEXT
            code += 4
        elif op == CHANCE:
            if draw(packet, code[2]) >= code[1]:
                return NEXT
            code += 3
        elif op == OUTSIDE:
            if code[2] <= state[code[1]] <= code[3]:
                return NEXT
            code += 4
        elif op == INSIDE:
            if not code[2] <= state[code[1]] <= code[3]:
                return NEXT
            code += 4
        elif op == END:
            return NEXT
        elif op == MAP:
            value = in_set(t, packet, code[1], code[5], code + 6, code[2])
            return decided(packet, code[3] if value < 0 else value, code[4])
        elif op == MEMBER:
            count = code[3]
            if (in_set(t, packet, code[2], code[4], code + 5, count) >= 0) == (code[1] != 0):
                return NEXT
            code += 5 + count
        elif op == SET:
            count = code[2]
            value = code[3 + 2 * count]
            for n in range(count):
                value ^= state[code[3 + 2 * n]] & code[4 + 2 * n]
            state[code[1]] = value
            code += 4 + 2 * count
        elif op == TRANSLATE:
            translate(packet, code + 2, code[1], True)
            return TRANSLATED
        elif op == TRANSLATE_DRAW:
            target = code + 3 + <Py_ssize_t> TARGET * draw(packet, code[1])
            if target[0] == NO_TARGET:
                return NEXT
            translate(packet, target, code[2], True)
            return TRANSLATED
        elif op == DRAW:
            return decided(packet, code[3 + draw(packet, code[1])], code[2])
        elif op == MASQUERADE:
            packet.masqueraded = True
            conntrack(packet, state[CT_STATE], state[CT_STATUS] | STATUS_SNAT)
            return TRANSLATED
        elif op == NOT_EQUAL:
            if state[code[1]] == code[2]:
                return NEXT
            code += 3
        elif op == AMONG:
            count = code[2]
            inside = False
            for n in range(count):
                if code[4 + 3 * n] <= state[code[3 + 3 * n]] <= code[5 + 3 * n]:
                    inside = True
                    break
            if inside == (code[1] != 0):
                return NEXT
            code += 3 + 3 * count
        elif op == SOURCE_PORT:
            if state[SPORT] >= 0:
                code += 3
            elif code[1] == 2:
                return GAVE_UP
            elif code[1] == 0:
                return NEXT
            else:
                code += 3 + code[2]
        elif op == TRANSLATE_MAP:
            value = in_set(t, packet, code[1], code[4], code + 5, code[2])
            if value < 0:
                return NEXT
            translate(packet, t.targets + <Py_ssize_t> TARGET * value, code[3], True)
            return TRANSLATED
        elif op == UNTRACK:
            if state[CT_STATE] == INVALID:
                conntrack(packet, UNTRACKED, state[CT_STATUS])
            code += 1
        else:
            return GAVE_UP


# ---------------------------------------------------------------- chains

cdef inline void add_list(Frame *frame, const int32_t *entry) noexcept nogil:
    """Look for rules where a key leads too."""
    if entry == NULL:
        return
    if entry[KEY_PLACE] >= 0:
        frame.next[frame.lists] = 0
        frame.single[frame.lists] = entry[KEY_PLACE]
        frame.verdict[frame.lists] = entry[KEY_VALUE]
    else:
        frame.next[frame.lists] = entry[KEY_VALUE]
        frame.single[frame.lists] = -1
    frame.lists += 1


cdef inline void enter(const Tables *t, const Packet *packet, int32_t chain, Frame *frame) noexcept nogil:
    """Where to look for the rules of a chain."""
    cdef const int32_t *header = t.code + chain
    cdef const int32_t *state = <const int32_t *> packet.state
    frame.place = chain + CHAIN_HEADER
    frame.lists = 0
    if header[0] < 0:
        return
    frame.next[0] = header[1]
    frame.single[0] = -1
    frame.lists = 1
    if header[2] & 3 and flagged(packet, header[3]):
        if header[2] & 1:
            add_list(frame, find(t, header[0], state[DESTINATION], state[PROTOCOL], state[DPORT], 0))
        if header[2] & 2:
            add_list(frame, find(t, header[0] + 1, state[DESTINATION], 0, 0, 0))
    if header[2] & 4:
        add_list(frame, find(t, header[0] + 2, state[PROTOCOL], state[DPORT], 0, 0))


cdef inline int32_t next_rule(const Tables *t, Frame *frame, int32_t *verdict) noexcept nogil:
    """The place of the next rule, and its verdict where that is known already; -1 at the end of the chain."""
    cdef int32_t place, other
    cdef int n, nearest = 0
    verdict[0] = NEXT
    if frame.lists == 0:
        place = frame.place
        if t.code[place] == 0:
            return -1
        frame.place = place + t.code[place]
        return place
    place = t.order[frame.next[0]]
    for n in range(1, frame.lists):
        other = frame.single[n] if frame.single[n] >= 0 else t.order[frame.next[n]]
        if other < place:
            nearest, place = n, other
    if place >= t.size:
        return -1
    if frame.single[nearest] >= 0:
        frame.single[nearest] = -1
        verdict[0] = frame.verdict[nearest]
    else:
        frame.next[nearest] += 1
    return place


cdef inline int32_t take_one(const Tables *t, Packet *packet, Frame *frame, int32_t count) noexcept nogil:
    """The verdict of one of the next `count` rules, which share packets evenly; a return leads to the one after it."""
    cdef int32_t chosen = draw(packet, count)
    cdef int32_t place = frame.place + chosen * CASCADE_RULE
    frame.place = place + t.code[place]
    return t.code[place + (2 if chosen == count - 1 else 5)]


cdef int32_t run_chain(const Tables *t, Packet *packet, int32_t chain) noexcept nogil:
    """The packet's verdict; NEXT where it is accepted or translated, POLICY at the end of the chain, or GAVE_UP."""
    cdef Frame frames[64]
    cdef int depth = 1
    cdef int32_t place, go
    enter(t, packet, chain, &frames[0])
    while depth > 0:
        place = next_rule(t, &frames[depth - 1], &go)
        if place < 0:
            depth -= 1
            continue
        packet.budget -= 1
        if packet.budget < 0:
            return GAVE_UP
        if go < 0:
            if t.code[place + 1] == CASCADE:
                go = take_one(t, packet, &frames[depth - 1], t.code[place + 2])
            else:
                go = run_rule(t, packet, t.code + place + 1)
        if go >= GO_CHAIN:
            go -= GO_CHAIN
            depth -= go & 1
            if depth >= MOST_JUMPS:
                return GAVE_UP
            enter(t, packet, go >> 1, &frames[depth])
            depth += 1
        elif go == TRANSLATED or go == GO_ACCEPT:
            return NEXT
        elif go == GO_RETURN:
            depth -= 1
        elif go == GO_DROP:
            return DROP
        elif go == GO_REJECT:
            return REJECT
        elif go == GO_GIVE_UP or go == GAVE_UP:
            return GAVE_UP
    return POLICY


# ---------------------------------------------------------------- the path

cdef int run_ipvs(const Tables *t, Packet *packet) noexcept nogil:
    """What ipvs does: -1 nothing, 0 refuses, 1 sends to the host itself, 2 sends away, GAVE_UP."""
    cdef int32_t *state = packet.state
    cdef int32_t left
    cdef const int32_t *words
    if state[CT_STATE] != NEW or not flagged(packet, t.server_flag):
        return -1
    words = find(t, t.server_space, state[DESTINATION], state[PROTOCOL], state[DPORT], 0)
    if words == NULL:
        words = find(t, t.server_space, state[DESTINATION], state[PROTOCOL], 0, 0)
    if words == NULL:
        return -1
    words = t.server_words + t.server_first[words[KEY_VALUE]]
    if words[0] < 0:
        return GAVE_UP
    if words[0] == 0:
        return 0
    left = draw(packet, words[0])
    words += 2
    while left >= words[0]:
        left -= words[0]
        words += SERVER
    translate(packet, words + 2, 0, False)
    return 1 if words[1] else 2


cdef int run_packet(const Tables *t, Packet *packet, bint local) noexcept nogil:
    """The verdict of a packet."""
    cdef int hook = OUTPUT if local else PREROUTING
    cdef int32_t stage = t.stage_first[hook]
    cdef bint destination_done = False, source_done = False, caught = False, own
    cdef int kind, sent
    cdef int32_t ended
    while True:
        if stage == t.stage_first[hook + 1]:
            own = packet.state[DESTINATION_TYPE] == LOCAL
            if hook == PREROUTING:
                hook = INPUT if own else FORWARD
                destination_done = True
            elif hook == OUTPUT or hook == FORWARD:
                hook = POSTROUTING
                destination_done = True
            elif hook == POSTROUTING and local and own and not caught:
                hook = PREROUTING
                source_done = True
            else:
                return DNAT if packet.translated else ACCEPT
            stage = t.stage_first[hook]
            continue
        kind = t.stage_kind[stage]
        if kind == STAGE_CONNTRACK:
            if packet.state[CT_STATE] == INVALID:
                conntrack(packet, NEW, packet.state[CT_STATUS])
        elif kind == STAGE_IPVS:
            if not caught:
                sent = run_ipvs(t, packet)
                if sent == GAVE_UP:
                    return SLOW
                if sent == 0:
                    return REJECT
                if sent > 0:
                    caught = destination_done = True
                    if sent == 2:
                        hook = OUTPUT
                        stage = t.stage_first[hook]
                        continue
        elif kind == STAGE_FILTER or (
            packet.state[CT_STATE] == NEW
            and not (destination_done if hook == PREROUTING or hook == OUTPUT else source_done)
        ):
            ended = run_chain(t, packet, t.stage_chain[stage])
            if ended >= 0:
                return ended
            if ended == GAVE_UP:
                return SLOW
            if ended == POLICY and t.stage_drops[stage]:
                packet.line = 0
                return DROP
            if kind == STAGE_NAT:
                destination_done = destination_done or packet.translated
                source_done = source_done or packet.masqueraded
        stage += 1


# ---------------------------------------------------------------- columns

cdef const int32_t *words_of(const int32_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef const uint64_t *longs_of(const uint64_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef Tables tables_of(object p):
    """Pointers into the arrays of a program, which outlives the call."""
    cdef Tables t
    t.address_mask = p.address_mask
    t.addresses = words_of(p.addresses)
    t.ranges = len(p.range_low)
    t.range_high = longs_of(p.range_high)
    t.range_low = longs_of(p.range_low)
    t.range_type = words_of(p.range_type)
    t.key_mask = p.key_mask
    t.keys = words_of(p.keys)
    t.size = len(p.code)
    t.code = words_of(p.code)
    t.order = words_of(p.order)
    t.stage_first = words_of(p.stage_first)
    t.stage_kind = words_of(p.stage_kind)
    t.stage_chain = words_of(p.stage_chain)
    t.stage_drops = words_of(p.stage_drops)
    t.rest_first = words_of(p.rest_first)
    t.rest_words = words_of(p.rest_words)
    t.targets = words_of(p.targets)
    t.server_space = p.server_space
    t.server_flag = p.server_flag
    t.server_first = words_of(p.server_first)
    t.server_words = words_of(p.server_words)
    t.flags = len(p.flag_space)
    t.flag_space = words_of(p.flag_space)
    t.flag_kind = words_of(p.flag_kind)
    return t


# Where the columns of a call begin; of addresses, those of the family.
cdef struct Columns:
    Py_ssize_t count
    const uint32_t *source_4
    const uint32_t *destination_4
    const uint8_t *source_6
    const uint8_t *destination_6
    const uint8_t *protocol
    const uint16_t *port
    const int32_t *source_port
    const uint8_t *local
    const uint32_t *mark
    const uint64_t *choice
    uint64_t seed
    uint8_t *verdict
    uint32_t *to_4
    uint8_t *to_6
    uint16_t *to_port
    uint8_t *masquerade
    int32_t *line


cdef inline uint64_t big_endian(const uint8_t *text) noexcept nogil:
    cdef uint64_t number = 0
    cdef int n
    for n in range(8):
        number = number << 8 | text[n]
    return number


cdef inline void write_big_endian(uint8_t *text, uint64_t number) noexcept nogil:
    cdef int n
    for n in range(8):
        text[n] = <uint8_t> (number >> (56 - 8 * n))


cdef inline Address address_at(const uint32_t *column_4, const uint8_t *column_6, Py_ssize_t n) noexcept nogil:
    cdef Address address
    if column_4 != NULL:
        address.high = 0
        address.low = column_4[n]
    else:
        address.high = big_endian(column_6 + 16 * n)
        address.low = big_endian(column_6 + 16 * n + 8)
    return address


# With ten thousand Services a packet touches half a dozen places that are in no near cache, one after the other. So
# packets are taken in steps, some ahead of the others: what one packet waits for is fetched while others go on.

cdef enum:
    STEP = 6
    RING = 32

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define fetch(address) __builtin_prefetch(address)
    #else
    #define fetch(address) ((void) (address))
    #endif
    """
    void fetch(const void *address) noexcept nogil


cdef inline void fetch_addresses(const Tables *t, const Columns *c, Py_ssize_t n) noexcept nogil:
    """Step one: where the addresses of a packet are looked up."""
    fetch(t.addresses + ADDRESS_ENTRY * (hash_address(address_at(c.source_4, c.source_6, n)) & t.address_mask))
    fetch(t.addresses + ADDRESS_ENTRY * (hash_address(address_at(c.destination_4, c.destination_6, n)) & t.address_mask))


cdef inline void begin(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step two: look the addresses up, and fetch where the destination is looked up next."""
    cdef Address source = address_at(c.source_4, c.source_6, n)
    cdef Address destination = address_at(c.destination_4, c.destination_6, n)
    cdef int32_t *state = packet.state
    cdef int flag
    packet.high = destination.high
    packet.low = destination.low
    packet.random = c.choice[n] if c.choice != NULL else mix(c.seed + <uint64_t> n * GOLDEN)
    packet.line = 0
    packet.budget = MOST_RULES
    packet.translated = False
    packet.masqueraded = False
    look_up(t, packet, SOURCE, source)
    look_up(t, packet, DESTINATION, destination)
    state[PROTOCOL] = c.protocol[n]
    state[SPORT] = c.source_port[n]
    state[DPORT] = c.port[n]
    state[MARK] = <int32_t> c.mark[n]
    state[CT_MARK] = 0
    conntrack(packet, INVALID, 0)
    for flag in range(t.flags):
        if state[DESTINATION_FLAGS] >> flag & 1 and t.flag_kind[flag] in (0, SERVER_KIND):
            fetch(t.keys + KEY_ENTRY * key_slot(t, t.flag_space[flag], state[DESTINATION], state[PROTOCOL], state[DPORT], 0))


cdef inline const int32_t *first_lead(const Tables *t, const Packet *packet) noexcept nogil:
    """Where the first look-up of a packet by its destination leads: a chain, or a virtual server; NULL for neither."""
    cdef const int32_t *state = <const int32_t *> packet.state
    cdef const int32_t *entry
    cdef int flag
    for flag in range(t.flags):
        if state[DESTINATION_FLAGS] >> flag & 1 and t.flag_kind[flag] in (0, SERVER_KIND):
            entry = find(t, t.flag_space[flag], state[DESTINATION], state[PROTOCOL], state[DPORT], 0)
            if entry != NULL and t.flag_kind[flag] == SERVER_KIND:
                return t.server_words + t.server_first[entry[KEY_VALUE]]
            if entry != NULL and entry[KEY_PLACE] >= 0 and entry[KEY_VALUE] >= GO_CHAIN:
                return t.code + ((entry[KEY_VALUE] - GO_CHAIN) >> 1)
    return NULL


cdef inline void fetch_code(const Tables *t, Packet *packet) noexcept nogil:
    """Step three: fetch what that leads to."""
    packet.lead = first_lead(t, packet)
    if packet.lead != NULL:
        fetch(packet.lead)
        fetch(packet.lead + 16)
        fetch(packet.lead + 32)


cdef inline void fetch_choice(const Tables *t, const Packet *packet) noexcept nogil:
    """Step four: if a chain shares packets among other chains, as kube-proxy's do in iptables, fetch the one that this
    packet will draw."""
    cdef const int32_t *rule = packet.lead
    cdef int32_t chosen, count, go
    cdef int n
    if rule == NULL or not t.code <= rule < t.code + t.size or rule[0] >= 0:
        return
    rule += CHAIN_HEADER
    for n in range(3):
        if rule[0] == 0:
            return
        if rule[1] == CASCADE:
            count = rule[2]
            chosen = <int32_t> (((mix(packet.random + GOLDEN) >> 32) * <uint64_t> count) >> 32)
            rule += rule[0] + chosen * CASCADE_RULE
            go = rule[2 if chosen == count - 1 else 5]
            if go >= GO_CHAIN:
                fetch(t.code + ((go - GO_CHAIN) >> 1))
                fetch(t.code + ((go - GO_CHAIN) >> 1) + 16)
            return
        rule += rule[0]


cdef inline void finish(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step five: run a packet and fill its row."""
    c.verdict[n] = run_packet(t, packet, c.local[n])
    if c.to_4 != NULL:
        c.to_4[n] = <uint32_t> packet.low
    else:
        write_big_endian(c.to_6 + 16 * n, packet.high)
        write_big_endian(c.to_6 + 16 * n + 8, packet.low)
    c.to_port[n] = <uint16_t> packet.state[DPORT]
    c.masquerade[n] = packet.masqueraded
    c.line[n] = packet.line


cdef void run_columns(const Tables *t, const Columns *c) noexcept nogil:
    cdef Packet ring[32]
    cdef Py_ssize_t n
    for n in range(c.count + 4 * STEP):
        if n < c.count:
            fetch_addresses(t, c, n)
        if STEP <= n < c.count + STEP:
            begin(t, c, n - STEP, &ring[(n - STEP) & (RING - 1)])
        if 2 * STEP <= n < c.count + 2 * STEP:
            fetch_code(t, &ring[(n - 2 * STEP) & (RING - 1)])
        if 3 * STEP <= n < c.count + 3 * STEP:
            fetch_choice(t, &ring[(n - 3 * STEP) & (RING - 1)])
        if n >= 4 * STEP:
            finish(t, c, n - 4 * STEP, &ring[(n - 4 * STEP) & (RING - 1)])


cdef check(Py_ssize_t count, lengths):
    if any(length != count for length in lengths):
        raise ValueError("columns of different lengths")


def evaluate_ipv4(
    program,
    uint64_t seed,
    const uint32_t[::1] source not None,
    const uint32_t[::1] destination not None,
    const uint8_t[::1] protocol not None,
    const uint16_t[::1] port not None,
    const int32_t[::1] source_port not None,
    const uint8_t[::1] local not None,
    const uint32_t[::1] mark not None,
    const uint64_t[::1] choice not None,
    uint8_t[::1] verdict not None,
    uint32_t[::1] to not None,
    uint16_t[::1] to_port not None,
    uint8_t[::1] masquerade not None,
    int32_t[::1] line not None,
):
    cdef Columns c
    c.count = protocol.shape[0]
    check(c.count, [
        source.shape[0], destination.shape[0], port.shape[0], source_port.shape[0], local.shape[0], mark.shape[0],
        choice.shape[0] or c.count, verdict.shape[0], to.shape[0], to_port.shape[0], masquerade.shape[0], line.shape[0],
    ])
    if c.count == 0:
        return
    c.source_4 = &source[0]
    c.destination_4 = &destination[0]
    c.to_4 = &to[0]
    c.source_6 = NULL
    c.destination_6 = NULL
    c.to_6 = NULL
    c.protocol = &protocol[0]
    c.port = &port[0]
    c.source_port = &source_port[0]
    c.local = &local[0]
    c.mark = &mark[0]
    c.choice = &choice[0] if choice.shape[0] else NULL
    c.seed = seed
    c.verdict = &verdict[0]
    c.to_port = &to_port[0]
    c.masquerade = &masquerade[0]
    c.line = &line[0]
    cdef Tables t = tables_of(program)
    with nogil:
        run_columns(&t, &c)


def evaluate_ipv6(
    program,
    uint64_t seed,
    const uint8_t[::1] source not None,
    const uint8_t[::1] destination not None,
    const uint8_t[::1] protocol not None,
    const uint16_t[::1] port not None,
    const int32_t[::1] source_port not None,
    const uint8_t[::1] local not None,
    const uint32_t[::1] mark not None,
    const uint64_t[::1] choice not None,
    uint8_t[::1] verdict not None,
    uint8_t[::1] to not None,
    uint16_t[::1] to_port not None,
    uint8_t[::1] masquerade not None,
    int32_t[::1] line not None,
):
    cdef Columns c
    c.count = protocol.shape[0]
    check(c.count, [
        port.shape[0], source_port.shape[0], local.shape[0], mark.shape[0], choice.shape[0] or c.count,
        verdict.shape[0], to_port.shape[0], masquerade.shape[0], line.shape[0],
    ])
    check(16 * c.count, [source.shape[0], destination.shape[0], to.shape[0]])
    if c.count == 0:
        return
    c.source_6 = &source[0]
    c.destination_6 = &destination[0]
    c.to_6 = &to[0]
    c.source_4 = NULL
    c.destination_4 = NULL
    c.to_4 = NULL
    c.protocol = &protocol[0]
    c.port = &port[0]
    c.source_port = &source_port[0]
    c.local = &local[0]
    c.mark = &mark[0]
    c.choice = &choice[0] if choice.shape[0] else NULL
    c.seed = seed
    c.verdict = &verdict[0]
    c.to_port = &to_port[0]
    c.masquerade = &masquerade[0]
    c.line = &line[0]
    cdef Tables t = tables_of(program)
    with nogil:
        run_columns(&t, &c)
