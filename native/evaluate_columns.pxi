"""Columns of packets, block by block."""

# Where the columns of a call begin: of addresses, those of the family; NULL for an optional one that is not given.
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
# packets are taken in blocks, and a block in steps: what one packet waits for is fetched while others take theirs.

cdef enum:
    BLOCK = 32

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


cdef inline void begin(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step two: look the addresses up, and fetch where destination and service are looked up; of a packet to the host
    itself, the service."""
    cdef Address source = address_at(c.source_4, c.source_6, n)
    cdef Address destination = address_at(c.destination_4, c.destination_6, n)
    cdef int32_t *state = packet.state
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
    state[SPORT] = c.source_port[n] if c.source_port != NULL else -1
    set_port(packet, c.port[n])
    state[MARK] = <int32_t> c.mark[n] if c.mark != NULL else 0
    state[CT_MARK] = 0
    conntrack(packet, t.first_state, 0)
    if state[DESTINATION_FLAGS] & t.lead_flags:
        slot = service_slot(t, packet)
    elif state[DESTINATION_TYPE] == LOCAL and t.lead_space >= 0:
        slot = key_slot(t, t.lead_space, state[SERVICE], 0, 0, 0)
    else:
        return
    fetch(t.keys + KEY_ENTRY * slot)
    # A key that found its slot taken is in the next.
    fetch(t.keys + KEY_ENTRY * (slot + 1))


cdef inline void fetch_code(const Tables *t, Packet *packet) noexcept nogil:
    """Step three: find the first entry of destination and service, and fetch what it leads to."""
    cdef const int32_t *entry
    cdef const int32_t *ahead
    if packet.slot == NO_SLOT:
        return
    entry = t.keys + KEY_ENTRY * packet.slot
    while entry[0] >= 0 and (entry[1] != packet.state[DESTINATION] or entry[2] != packet.state[SERVICE]):
        packet.slot = (packet.slot + 1) & t.key_mask
        entry = t.keys + KEY_ENTRY * packet.slot
    if entry[0] >= 0:
        ahead = t.ahead + entry[KEY_AHEAD]
        fetch(ahead)
        fetch(ahead + LINE)


cdef inline void finish(const Tables *t, const Columns *c, Py_ssize_t n, Packet *packet) noexcept nogil:
    """Step four: run a packet and fill its row."""
    c.verdict[n] = run_packet(t, packet, c.local != NULL and c.local[n])
    if c.to_4 != NULL:
        c.to_4[n] = <uint32_t> packet.low
    else:
        write_big_endian(c.to_6 + 16 * n, packet.high)
        write_big_endian(c.to_6 + 16 * n + 8, packet.low)
    c.to_port[n] = <uint16_t> packet.state[DPORT]
    c.masquerade[n] = packet.masqueraded
    c.line[n] = packet.line


cdef void run_columns(const Tables *t, const Columns *c) noexcept nogil:
    cdef Packet block[32]
    cdef Py_ssize_t start = 0, n, count
    while start < c.count:
        count = min(<Py_ssize_t> BLOCK, c.count - start)
        for n in range(count):
            fetch_addresses(t, c, start + n, &block[n])
        for n in range(count):
            begin(t, c, start + n, &block[n])
        for n in range(count):
            fetch_code(t, &block[n])
        for n in range(count):
            finish(t, c, start + n, &block[n])
        start += BLOCK


cdef check(Py_ssize_t count, lengths):
    if any(length != count for length in lengths):
        raise ValueError("columns of different lengths")
