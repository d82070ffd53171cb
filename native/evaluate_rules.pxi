"""The instructions of rules, up to a verdict."""

cdef int32_t in_rest(const Tables *t, const Packet *packet, int32_t number) noexcept nogil:
    """The value that a set's intervals hold for a packet; -1 where they have none."""
    cdef const int32_t *words = t.rest_words + t.rest_first[number]
    cdef int32_t left = words[0]
    cdef int32_t width = words[1]
    cdef int32_t n
    words += 2
    while left > 0:
        for n in range(width):
            if not words[3 * n + 1] <= packet.state[words[3 * n]] <= words[3 * n + 2]:
                break
        else:
            return words[3 * width]
        words += 3 * width + 1
        left -= 1
    return -1


cdef inline int32_t in_set(
    const Tables *t, Packet *packet, int32_t number, const int32_t *gate, const int32_t *fields, int32_t count
) noexcept nogil:
    """The value that a set holds for a packet; -1 where it has none. The gate is a field of flags and a flag."""
    cdef const int32_t *entry
    if gate[1] == 0 or packet.state[gate[0]] & gate[1]:
        if number < NEAR_SPACES:
            entry = find_service(t, packet, number)
        else:
            entry = find(
                t, number,
                packet.state[fields[0]],
                packet.state[fields[1]] if count > 1 else 0,
                packet.state[fields[2]] if count > 2 else 0,
                packet.state[fields[3]] if count > 3 else 0,
            )
        if entry != NULL:
            return entry[KEY_VALUE]
    return -1 if t.rest_first[number] < 0 else in_rest(t, packet, number)


cdef inline int32_t decided(Packet *packet, int32_t go, int32_t line) noexcept nogil:
    if go == GO_DROP or go == GO_REJECT:
        packet.line = line
    return go


cdef inline bint matches_one(const Packet *packet, const int32_t *intervals, int32_t count) noexcept nogil:
    cdef int32_t n
    for n in range(count):
        if intervals[3 * n + 1] <= packet.state[intervals[3 * n]] <= intervals[3 * n + 2]:
            return True
    return False


cdef int32_t verdict_of(const Tables *t, Packet *packet, const int32_t *code) noexcept nogil:
    """What the last instruction of a rule says, the common ones apart; NEXT for nothing."""
    cdef int32_t of = code[0] >> 8
    cdef int32_t value
    cdef const int32_t *target
    cdef int32_t opcode = code[0] & OPCODE
    if opcode == TRANSLATE_DRAW:
        target = code + 2 + <Py_ssize_t> t.target * draw(packet, of)
        if target[0] == NO_TARGET:
            return NEXT
        translate(t, packet, target[0], target + 1, code[1], True)
    elif opcode == TRANSLATE_MAP:
        value = in_set(t, packet, code[1], code + 3, code + 5, of)
        if value < 0:
            return NEXT
        target = t.targets + <Py_ssize_t> t.target * value
        translate(t, packet, target[0], target + 1, code[2], True)
    elif opcode == REDIRECT:
        if packet.hook != OUTPUT and packet.state[SOURCE_TYPE] == LOCAL:
            return GAVE_UP
        value = 0 if packet.hook == OUTPUT else 1 + packet.state[SOURCE_RANGE]
        translate(t, packet, code[2], t.homes + <Py_ssize_t> (t.target - 1) * value, code[1], True)
    else:
        return GAVE_UP
    return TRANSLATED


cdef inline int32_t run_code(
    const Tables *t, Packet *packet, const int32_t *code, const int32_t **behind
) noexcept nogil:
    """Run instructions up to a verdict, which is NEXT for END, TRANSLATED where NAT has ended the chain, or GAVE_UP.
    `behind` is the place behind the rule that gave it."""
    cdef int32_t *state = packet.state
    cdef int32_t op, of, n, value
    cdef const int32_t *endpoint
    while True:
        op = code[0] & OPCODE
        of = code[0] >> 8
        if op == RULE:
            packet.budget -= 1
            if packet.budget < 0:
                return GAVE_UP
            behind[0] = code + of
            code += 1
        elif op == END:
            return NEXT
        elif op == EQUAL:
            code = code + 2 if state[of] == code[1] else behind[0]
        elif op == GO:
            return code[1]
        elif op == MASKED:
            code = code + 3 if (state[of] & code[1]) == code[2] else behind[0]
        elif op == NOT_MASKED:
            code = code + 3 if (state[of] & code[1]) != code[2] else behind[0]
        elif op == OUTSIDE:
            code = behind[0] if code[1] <= state[of] <= code[2] else code + 3
        elif op == INSIDE:
            code = code + 3 if code[1] <= state[of] <= code[2] else behind[0]
        elif op == FLIP:
            state[of] = state[of] & code[1] ^ code[2]
            code += 3
        elif op == SET:
            value = code[2 + 2 * of]
            for n in range(of):
                value ^= state[code[2 + 2 * n]] & code[3 + 2 * n]
            state[code[1]] = value
            code += 3 + 2 * of
        elif op == TRANSLATE:
            translate(t, packet, code[1], code + 2, of, True)
            return TRANSLATED
        elif op == SHARE:
            endpoint = code + 3 + (1 + <Py_ssize_t> t.target) * draw(packet, of)
            if state[SOURCE] == endpoint[2]:
                state[MARK] = state[MARK] & code[1] ^ code[2]
            translate(t, packet, endpoint[1], endpoint + 2, endpoint[0], True)
            return TRANSLATED
        elif op == CASCADE:
            packet.budget -= 1
            if packet.budget < 0:
                return GAVE_UP
            code += 2 * <Py_ssize_t> draw(packet, of)
            behind[0] = code + 2
            return code[1]
        elif op == DRAW:
            value = code[2 + draw(packet, of)]
            if value >= 0:
                return decided(packet, value, code[1])
            code = behind[0]
        elif op == MAP:
            value = in_set(t, packet, code[1], code + 4, code + 6, of)
            if value < 0:
                value = code[2]
            if value >= 0:
                return decided(packet, value, code[3])
            code = behind[0]
        elif op == SAME:
            code = code + 2 if state[of] == state[code[1]] else behind[0]
        elif op == MEMBER:
            value = in_set(t, packet, code[2], code + 3, code + 5, of)
            code = behind[0] if (value >= 0) == (code[1] != 0) else code + 5 + of
        elif op == DECIDE:
            return decided(packet, code[1], code[2])
        elif op == MASQUERADE:
            packet.masqueraded = True
            conntrack(packet, state[CT_STATE], state[CT_STATUS] | STATUS_SNAT)
            return TRANSLATED
        elif op == NOT_EQUAL:
            code = code + 2 if state[of] != code[1] else behind[0]
        elif op == CHANCE:
            code = code + 3 if draw(packet, code[2]) < code[1] else behind[0]
        elif op == AMONG:
            code = behind[0] if matches_one(packet, code + 2, of) == (code[1] != 0) else code + 2 + 3 * of
        elif op == SOURCE_PORT:
            if state[SPORT] >= 0:
                code += 2
            elif of == 2:
                return GAVE_UP
            else:
                code = code + 2 + code[1] if of == 1 else behind[0]
        elif op == UNTRACK:
            if state[CT_STATE] == INVALID:
                conntrack(packet, UNTRACKED, state[CT_STATUS])
            code += 1
        else:
            value = verdict_of(t, packet, code)
            if value != NEXT:
                return value
            code = behind[0]
