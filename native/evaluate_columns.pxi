"""Columns of packets, some packets ahead of the others."""

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


cdef inline void fetch_addresses(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step one: where the addresses of a packet are looked up."""
    packet.source_slot = hash_address(address_at(c.source_4, c.source_6, n)) & t.address_mask
    packet.destination_slot = hash_address(address_at(c.destination_4, c.destination_6, n)) & t.address_mask
    fetch(t.addresses + t.address_entry * packet.source_slot)
    fetch(t.addresses + t.address_entry * packet.destination_slot)


cdef inline bint may_lead(const Tables *t, const Packet *packet, int lead) noexcept nogil:
    """Whether a packet's destination and service may stand in a hash space that leads on; without a destination, the
    service of a packet to the host itself."""
    if t.lead_flag[lead]:
        return (packet.state[DESTINATION_FLAGS] & t.lead_flag[lead]) != 0
    return packet.state[DESTINATION_TYPE] == LOCAL


cdef inline void begin(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step two: look the addresses up, and fetch where the destination is looked up next."""
    cdef Address source = address_at(c.source_4, c.source_6, n)
    cdef Address destination = address_at(c.destination_4, c.destination_6, n)
    cdef int32_t *state = packet.state
    cdef int lead
    cdef uint64_t slot
    packet.high = destination.high
    packet.low = destination.low
    packet.random = c.choice[n] if c.choice != NULL else mix(c.seed + <uint64_t> n * GOLDEN)
    packet.line = 0
    packet.budget = MOST_RULES
    packet.translated = False
    packet.masqueraded = False
    look_up(t, packet, SOURCE, source, packet.source_slot)
    look_up(t, packet, DESTINATION, destination, packet.destination_slot)
    state[PROTOCOL] = c.protocol[n]
    state[SPORT] = c.source_port[n]
    set_port(packet, c.port[n])
    state[MARK] = <int32_t> c.mark[n]
    state[CT_MARK] = 0
    conntrack(packet, INVALID, 0)
    for lead in range(t.leads):
        if may_lead(t, packet, lead):
            # The spaces with the same fields are near each other.
            if t.lead_flag[lead]:
                slot = key_slot(t, t.lead_space[lead], state[DESTINATION], state[SERVICE], 0, 0)
            else:
                slot = key_slot(t, t.lead_space[lead], state[SERVICE], 0, 0, 0)
            fetch(t.keys + KEY_ENTRY * slot)
            # A key that found its slot taken is in the next.
            fetch(t.keys + KEY_ENTRY * (slot + 1))
            break


cdef inline const int32_t *first_lead(const Tables *t, const Packet *packet) noexcept nogil:
    """Where the first look-up of a packet leads: a chain, or a virtual server; NULL for neither."""
    cdef const int32_t *state = <const int32_t *> packet.state
    cdef const int32_t *entry
    cdef int lead
    for lead in range(t.leads):
        if may_lead(t, packet, lead):
            if t.lead_flag[lead]:
                entry = find(t, t.lead_space[lead], state[DESTINATION], state[SERVICE], 0, 0)
            else:
                entry = find(t, t.lead_space[lead], state[SERVICE], 0, 0, 0)
            if entry != NULL and t.lead_server[lead]:
                return t.server_words + entry[KEY_VALUE]
            if entry != NULL and entry[KEY_PLACE] >= 0 and entry[KEY_VALUE] >= GO_CHAIN:
                return t.code + ((entry[KEY_VALUE] - GO_CHAIN) >> 2)
    return NULL


cdef inline void fetch_code(const Tables *t, Packet *packet) noexcept nogil:
    """Step three: fetch what that leads to."""
    packet.lead = first_lead(t, packet)
    if packet.lead != NULL:
        fetch(packet.lead)
        fetch(packet.lead + 16)


cdef inline int32_t drawn_lead(const Packet *packet, const int32_t *code) noexcept nogil:
    """The verdict that a packet will draw at an instruction, if that is what it does; else NEXT."""
    cdef int32_t of = code[0] >> 8
    cdef int32_t chosen = <int32_t> (((mix(packet.random + GOLDEN) >> 32) * <uint64_t> of) >> 32)
    if code[0] & OPCODE == CASCADE:
        return code[1 + 2 * chosen]
    if code[0] & OPCODE == DRAW:
        return code[2 + chosen]
    return NEXT


cdef inline void fetch_choice(const Tables *t, const Packet *packet) noexcept nogil:
    """Step four: if a chain shares packets among other chains, as kube-proxy's do, fetch the one that this packet will
    draw."""
    cdef const int32_t *code = packet.lead
    cdef int32_t go = NEXT
    cdef int n
    if code == NULL or not t.code <= code < t.code + t.size:
        return
    for n in range(3):
        if code[0] & OPCODE == RULE:
            go = drawn_lead(packet, code + 1)
            if go == NEXT:
                code += code[0] >> 8
                continue
        else:
            go = drawn_lead(packet, code)
        break
    if go >= GO_CHAIN:
        code = t.code + ((go - GO_CHAIN) >> 2)
        fetch(code)
        fetch(code + 16)


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
            fetch_addresses(t, c, n, &ring[n & (RING - 1)])
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
