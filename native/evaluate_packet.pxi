"""A packet on its way: hashes and chance, its addresses, and what translation makes of it."""

cdef struct Packet:
    int32_t state[17]
    uint64_t high
    uint64_t low
    uint64_t random
    uint64_t source_slot
    uint64_t destination_slot
    uint64_t slot
    int32_t line
    int32_t budget
    int hook
    bint translated
    bint masqueraded


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
    return mix(low ^ mix(high + <uint64_t> (space // NEAR_SPACES + 1) * GOLDEN)) & t.key_mask


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


cdef inline uint64_t service_slot(const Tables *t, Packet *packet) noexcept nogil:
    """Where a packet's destination and service stand in the hash spaces that they come first in."""
    if packet.slot == NO_SLOT:
        packet.slot = key_slot(t, 0, packet.state[DESTINATION], packet.state[SERVICE], 0, 0)
    return packet.slot


cdef inline const int32_t *find_service(const Tables *t, Packet *packet, int32_t space) noexcept nogil:
    """The entry of a packet's destination and service; NULL where there is none."""
    cdef int32_t destination = packet.state[DESTINATION], service = packet.state[SERVICE]
    cdef uint64_t slot
    cdef const int32_t *entry
    if space >= NEAR_SPACES:
        return find(t, space, destination, service, 0, 0)
    slot = service_slot(t, packet)
    entry = t.keys + slot * KEY_ENTRY
    while entry[0] != space or entry[1] != destination or entry[2] != service:
        if entry[0] < 0:
            return NULL
        slot = (slot + 1) & t.key_mask
        entry = t.keys + slot * KEY_ENTRY
    return entry


# ---------------------------------------------------------------- addresses

cdef struct Address:
    uint64_t high
    uint64_t low


cdef inline uint64_t hash_address(Address address) noexcept nogil:
    return mix(address.low + address.high * GOLDEN)


cdef inline void settle(Packet *packet, int field, int32_t number, int32_t packed, int32_t flags) noexcept nogil:
    """Take the number, interval, type and flags of an address."""
    packet.state[field] = number
    packet.state[field + 1] = packed >> TYPE_BITS
    packet.state[field + 2] = packed & ((1 << TYPE_BITS) - 1)
    packet.state[field + 3] = flags
    packet.slot = NO_SLOT


cdef inline bint is_itself(const Tables *t, const int32_t *words, Address address) noexcept nogil:
    if words[0] != <int32_t> address.low:
        return False
    return not t.wide or (
        words[1] == <int32_t> (address.low >> 32)
        and words[2] == <int32_t> address.high and words[3] == <int32_t> (address.high >> 32)
    )


cdef inline void look_up(const Tables *t, Packet *packet, int field, Address address, uint64_t slot) noexcept nogil:
    """The number of an address, by hash, from a slot on; else the interval that it lies in, by bisection."""
    cdef uint64_t high = address.high, low = address.low
    cdef const int32_t *entry = t.addresses + slot * t.address_entry
    cdef int32_t first, last, middle
    while entry[0]:
        if is_itself(t, entry + ADDRESS_ITSELF, address):
            settle(packet, field, entry[0], entry[1], entry[2])
            return
        slot = (slot + 1) & t.address_mask
        entry = t.addresses + slot * t.address_entry
    first, last = 0, t.ranges
    while last - first > 1:
        middle = (first + last) >> 1
        if t.range_high[middle] < high or (t.range_high[middle] == high and t.range_low[middle] <= low):
            first = middle
        else:
            last = middle
    settle(packet, field, 0, first << TYPE_BITS | t.range_type[first], 0)


cdef inline void conntrack(Packet *packet, int32_t state, int32_t status) noexcept nogil:
    packet.state[CT_STATE] = state
    packet.state[CT_STATUS] = status
    packet.state[CT_STATE_AND_NAT] = (
        state | (STATE_DNAT if status & STATUS_DNAT else 0) | (STATE_SNAT if status & STATUS_SNAT else 0)
    )


cdef inline void set_port(Packet *packet, int32_t port) noexcept nogil:
    packet.state[DPORT] = port
    packet.state[SERVICE] = packet.state[PROTOCOL] << 16 | port
    packet.slot = NO_SLOT


cdef inline void translate(
    const Tables *t, Packet *packet, int32_t port, const int32_t *entry, int32_t line, bint status
) noexcept nogil:
    if entry[0] >= 0:
        settle(packet, DESTINATION, entry[0], entry[1], entry[2])
        packet.low = <uint64_t> <uint32_t> entry[ADDRESS_ITSELF]
        if t.wide:
            packet.low |= <uint64_t> <uint32_t> entry[ADDRESS_ITSELF + 1] << 32
            packet.high = (
                <uint64_t> <uint32_t> entry[ADDRESS_ITSELF + 2] | <uint64_t> <uint32_t> entry[ADDRESS_ITSELF + 3] << 32
            )
    if port >= 0:
        set_port(packet, port)
    if status:
        conntrack(packet, packet.state[CT_STATE], packet.state[CT_STATUS] | STATUS_DNAT)
    packet.translated = True
    packet.line = line
