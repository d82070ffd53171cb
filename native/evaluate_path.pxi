"""The path of a packet: through chains, ipvs, and the hooks of netfilter."""

# Where to look for the next rule of a chain: at `place`, or in a long chain with lists in the nearest of them. A list is
# its next place in `order`; in front of it there may be a single rule, with its verdict if that is known.
cdef struct Frame:
    const int32_t *place
    int32_t lists
    int32_t next[4]
    int32_t single[4]
    int32_t verdict[4]


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


cdef inline void enter(const Tables *t, Packet *packet, int32_t lead, Frame *frame) noexcept nogil:
    """Where to look for the rules of a chain."""
    cdef const int32_t *header = t.code + ((lead - GO_CHAIN) >> 2)
    cdef const int32_t *state = packet.state
    frame.lists = 0
    frame.place = header
    if not (lead - GO_CHAIN) & LONG:
        return
    frame.next[0] = header[0]
    frame.single[0] = -1
    frame.lists = 1
    if state[DESTINATION_FLAGS] & header[2]:
        if header[1] & 1:
            add_list(frame, find_service(t, packet, header[3]))
        if header[1] & 2:
            add_list(frame, find(t, header[4], state[DESTINATION], 0, 0, 0))
    if header[1] & 4:
        add_list(frame, find(t, header[5], state[SERVICE], 0, 0, 0))


cdef inline int32_t next_rule(const Tables *t, Frame *frame, int32_t *verdict) noexcept nogil:
    """The place of the next rule of a long chain, and its verdict where that is known already; -1 at its end."""
    cdef int32_t other
    cdef int n, nearest = 0
    cdef int32_t place = t.order[frame.next[0]]
    verdict[0] = NEXT
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


cdef int32_t run_chain(const Tables *t, Packet *packet, int32_t lead) noexcept nogil:
    """The packet's verdict; NEXT where it is accepted or translated, POLICY at the end of the chain, or GAVE_UP."""
    cdef Frame frames[64]
    cdef Frame *frame
    cdef int depth = 1
    cdef int32_t place, go
    cdef const int32_t *code
    cdef const int32_t *behind
    enter(t, packet, lead, &frames[0])
    while depth > 0:
        frame = &frames[depth - 1]
        code = frame.place
        go = NEXT
        if frame.lists:
            place = next_rule(t, frame, &go)
            if place < 0:
                depth -= 1
                continue
            code = t.code + place
        if go < 0:
            behind = code
            go = run_code(t, packet, code, &behind)
            if go == NEXT:
                if frame.lists == 0:
                    depth -= 1
                continue
            frame.place = behind
        else:
            packet.budget -= 1
            if packet.budget < 0:
                return GAVE_UP
        if go >= GO_CHAIN:
            depth -= (go - GO_CHAIN) & GOTO
            if depth >= MOST_JUMPS:
                return GAVE_UP
            enter(t, packet, go, &frames[depth])
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


cdef int run_ipvs(const Tables *t, Packet *packet) noexcept nogil:
    """What ipvs does: -1 nothing, 0 refuses, 1 sends to the host itself, 2 sends away, GAVE_UP."""
    cdef int32_t *state = packet.state
    cdef int32_t left
    cdef const int32_t *words
    if state[CT_STATE] != NEW:
        return -1
    words = find_service(t, packet, t.server_space)
    if words == NULL and state[DESTINATION_FLAGS] & t.any_port_flag:
        words = find(t, t.server_space, state[DESTINATION], state[PROTOCOL] << 16, 0, 0)
    if words == NULL:
        return -1
    words = t.server_words + words[KEY_VALUE]
    if words[0] < 0:
        return GAVE_UP
    if words[0] == 0:
        return 0
    left = draw(packet, words[0])
    words += 2
    while left >= words[0]:
        left -= words[0]
        words += 2 + t.target
    translate(t, packet, words[2], words + 3, 0, False)
    return 1 if words[1] else 2


cdef int run_packet(const Tables *t, Packet *packet, bint local) noexcept nogil:
    """The verdict of a packet."""
    cdef int hook = OUTPUT if local else PREROUTING
    cdef const int32_t *stage = t.stages + t.hooks[hook]
    cdef bint destination_done = False, source_done = False, caught = False, own
    cdef int32_t kind, ended
    packet.hook = hook
    while True:
        kind = stage[0]
        if stage[3] != ANYONE and not packet.state[DESTINATION_FLAGS] & stage[3]:
            stage += STAGE
            continue
        if kind == STAGE_NAT or kind == STAGE_FILTER:
            if kind == STAGE_FILTER or (
                packet.state[CT_STATE] == NEW
                and not (destination_done if hook == PREROUTING or hook == OUTPUT else source_done)
            ):
                ended = run_chain(t, packet, stage[1])
                if ended >= 0:
                    return ended
                if ended == GAVE_UP:
                    return SLOW
                if ended == POLICY and stage[2]:
                    packet.line = 0
                    return DROP
                if kind == STAGE_NAT:
                    destination_done = destination_done or packet.translated
                    source_done = source_done or packet.masqueraded
        elif kind == STAGE_END:
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
            packet.hook = hook
            stage = t.stages + t.hooks[hook]
            continue
        elif kind == STAGE_CONNTRACK:
            if packet.state[CT_STATE] == INVALID:
                conntrack(packet, NEW, packet.state[CT_STATUS])
        elif not caught:
            ended = run_ipvs(t, packet)
            if ended == GAVE_UP:
                return SLOW
            if ended == 0:
                return REJECT
            if ended > 0:
                caught = destination_done = True
                if ended == 2:
                    packet.hook = hook = OUTPUT
                    stage = t.stages + t.hooks[hook]
                    continue
        stage += STAGE
