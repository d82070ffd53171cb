"""Find the lines, words and chains of iptables text; `kcompile.twins.dump_lines` says the same in plain Python."""

from array import array

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy

from kcompile.twins.dump_lines import Chains, Lines

cdef enum:
    WORD = 0
    TABLE = 1
    CHAIN = 2
    COUNTERS = 3
    UNKNOWN = 4
    KEYWORD = 5

cdef enum:
    OTHER = 0
    TABLE_LINE = 1
    CHAIN_LINE = 2
    RULE_LINE = 3
    COUNTED_RULE_LINE = 4
    COMMIT_LINE = 5

cdef enum:
    MOST_WORDS = 1000
    KEYWORD_SLOTS = 2048

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15ULL


cdef inline uint64_t mix(uint64_t number) noexcept nogil:
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9ULL
    number = (number ^ (number >> 27)) * 0x94D049BB133111EBULL
    return number ^ (number >> 31)


cdef inline bint is_space(char c) noexcept nogil:
    return c == 32 or 9 <= c <= 13


cdef inline bint is_digit(char c) noexcept nogil:
    return 48 <= c <= 57


cdef inline uint64_t hash_text(const char *text, Py_ssize_t length) noexcept nogil:
    """A hash of the first and the last eight bytes and the length: names differ there."""
    cdef uint64_t first = 0, last = 0
    if length >= 8:
        memcpy(&first, text, 8)
        memcpy(&last, text + length - 8, 8)
    else:
        memcpy(&first, text, length)
    return mix(first * GOLDEN + mix(last + <uint64_t> length * GOLDEN))


cdef uint64_t hash_whole(const char *text, Py_ssize_t length) noexcept nogil:
    """A hash of every byte: the names of chains are many, and come from anywhere."""
    cdef uint64_t state = <uint64_t> length * GOLDEN, part
    while length >= 8:
        memcpy(&part, text, 8)
        state = mix(state ^ part) + GOLDEN
        text += 8
        length -= 8
    part = 0
    memcpy(&part, text, length)
    return mix(state ^ part)


# ---------------------------------------------------------------- words

cdef struct Keywords:
    const char *text[2048]
    int32_t length[2048]
    int32_t code[2048]


cdef struct Text:
    const char *start
    const char *end


cdef inline bint next_word(const char **at, const char *end, Text *word) noexcept nogil:
    """The next word up to `end`, with its quotes; False at the end. `at` moves behind it."""
    cdef const char *c = at[0]
    cdef const char *closing
    while c < end and is_space(c[0]):
        c += 1
    if c == end:
        return False
    word.start = c
    if c[0] == 34:
        closing = c + 1
        while closing < end and closing[0] != 34:
            closing += 2 if closing[0] == 92 and closing + 1 < end else 1
        if closing < end:
            word.end = closing + 1
            at[0] = closing + 1
            return True
        # A quote that nothing closes is a character.
        c += 1
    while c < end and not is_space(c[0]):
        c += 1
    word.end = c
    at[0] = c
    return True


cdef bint is_counters(const char *c, const char *end) noexcept nogil:
    """`[12:3400]`"""
    if c == end or c[0] != 91:
        return False
    c += 1
    if c == end or not is_digit(c[0]):
        return False
    while c < end and is_digit(c[0]):
        c += 1
    if c == end or c[0] != 58:
        return False
    c += 1
    if c == end or not is_digit(c[0]):
        return False
    while c < end and is_digit(c[0]):
        c += 1
    return c + 1 == end and c[0] == 93


cdef inline int32_t keyword_code(const Keywords *keywords, const char *text, Py_ssize_t length) noexcept nogil:
    cdef uint64_t slot = hash_text(text, length) & (KEYWORD_SLOTS - 1)
    while keywords.text[slot] != NULL:
        if keywords.length[slot] == length and memcmp(keywords.text[slot], text, length) == 0:
            return keywords.code[slot]
        slot = (slot + 1) & (KEYWORD_SLOTS - 1)
    return -1


cdef inline int32_t kind_of(const Keywords *keywords, const Text *word, int32_t place) noexcept nogil:
    cdef char first = word.start[0]
    cdef int32_t code
    if first == 34:
        return WORD
    # Keywords are options, `!` and COMMIT.
    if first == 45 or first == 33 or first == 67:
        code = keyword_code(keywords, word.start, word.end - word.start)
        if code >= 0:
            return code
    if place == 0 and first == 42:
        return TABLE
    if place == 0 and first == 58:
        return CHAIN
    if first == 91 and is_counters(word.start, word.end):
        return COUNTERS
    if first == 45 and word.end - word.start > 1 and not is_digit(word.start[1]):
        return UNKNOWN
    return WORD


# ---------------------------------------------------------------- lines and their shapes

cdef struct Found:
    Py_ssize_t count
    Py_ssize_t room
    int64_t *starts
    int64_t *ends
    int32_t *numbers
    int32_t *shapes


# The kinds of all shapes stand one after the other; a shape has a place and a length there.
cdef struct Shapes:
    int32_t count
    int32_t slots
    int32_t *slot
    uint64_t *hash
    int32_t *first
    int32_t *length
    uint16_t *kinds
    Py_ssize_t used
    Py_ssize_t room


cdef bint grow_lines(Found *found) noexcept nogil:
    cdef Py_ssize_t room = found.room * 2
    cdef void *memory
    memory = realloc(found.starts, room * sizeof(int64_t))
    if memory == NULL:
        return False
    found.starts = <int64_t *> memory
    memory = realloc(found.ends, room * sizeof(int64_t))
    if memory == NULL:
        return False
    found.ends = <int64_t *> memory
    memory = realloc(found.numbers, room * sizeof(int32_t))
    if memory == NULL:
        return False
    found.numbers = <int32_t *> memory
    memory = realloc(found.shapes, room * sizeof(int32_t))
    if memory == NULL:
        return False
    found.shapes = <int32_t *> memory
    found.room = room
    return True


cdef bint grow_shapes(Shapes *shapes) noexcept nogil:
    """Twice the slots, with every shape in its place."""
    cdef int32_t slots = shapes.slots * 2
    cdef int32_t *slot = <int32_t *> malloc(slots * sizeof(int32_t))
    cdef void *memory
    cdef int32_t n
    cdef uint64_t at
    if slot == NULL:
        return False
    free(shapes.slot)
    shapes.slot = slot
    shapes.slots = slots
    for n in range(slots):
        slot[n] = -1
    for n in range(shapes.count):
        at = shapes.hash[n] & (slots - 1)
        while slot[at] >= 0:
            at = (at + 1) & (slots - 1)
        slot[at] = n
    memory = realloc(shapes.hash, slots * sizeof(uint64_t))
    if memory == NULL:
        return False
    shapes.hash = <uint64_t *> memory
    memory = realloc(shapes.first, slots * sizeof(int32_t))
    if memory == NULL:
        return False
    shapes.first = <int32_t *> memory
    memory = realloc(shapes.length, slots * sizeof(int32_t))
    if memory == NULL:
        return False
    shapes.length = <int32_t *> memory
    return True


cdef int32_t shape_of(Shapes *shapes, const uint16_t *kinds, int32_t length) noexcept nogil:
    """The number of a shape, a new one if it was not seen before; -1 without memory."""
    cdef uint64_t hash = hash_whole(<const char *> kinds, length * sizeof(uint16_t))
    cdef uint64_t at = hash & (shapes.slots - 1)
    cdef int32_t n
    cdef void *memory
    while shapes.slot[at] >= 0:
        n = shapes.slot[at]
        if shapes.hash[n] == hash and shapes.length[n] == length and (
            memcmp(shapes.kinds + shapes.first[n], kinds, length * sizeof(uint16_t)) == 0
        ):
            return n
        at = (at + 1) & (shapes.slots - 1)
    while shapes.used + length > shapes.room:
        memory = realloc(shapes.kinds, shapes.room * 2 * sizeof(uint16_t))
        if memory == NULL:
            return -1
        shapes.kinds = <uint16_t *> memory
        shapes.room *= 2
    n = shapes.count
    shapes.slot[at] = n
    shapes.hash[n] = hash
    shapes.first[n] = <int32_t> shapes.used
    shapes.length[n] = length
    memcpy(shapes.kinds + shapes.used, kinds, length * sizeof(uint16_t))
    shapes.used += length
    shapes.count += 1
    if 2 * shapes.count >= shapes.slots and not grow_shapes(shapes):
        return -1
    return n


cdef enum:
    SCANNED = 0
    NOT_LINES = 1
    NO_MEMORY = 2


cdef int scan_text(
    const char *data, Py_ssize_t size, const Keywords *keywords, Found *found, Shapes *shapes
) noexcept nogil:
    cdef uint16_t kinds[1000]
    cdef const char *at = data
    cdef const char *stop = data + size
    cdef const char *line_end
    cdef const char *c
    cdef const char *end
    cdef Text word
    cdef int32_t number = 0, count, shape
    cdef Py_ssize_t n
    for n in range(size):
        if 28 <= data[n] <= 31:
            return NOT_LINES
    while at <= stop:
        number += 1
        line_end = <const char *> memchr(at, 10, stop - at)
        if line_end == NULL:
            line_end = stop
        c = at
        end = line_end
        at = line_end + 1
        while c < end and is_space(c[0]):
            c += 1
        while end > c and is_space((end - 1)[0]):
            end -= 1
        if c == end or c[0] == 35:
            continue
        if found.count == found.room and not grow_lines(found):
            return NO_MEMORY
        found.starts[found.count] = c - data
        found.ends[found.count] = end - data
        found.numbers[found.count] = number
        count = 0
        while next_word(&c, end, &word):
            if count == MOST_WORDS:
                return NOT_LINES
            kinds[count] = <uint16_t> kind_of(keywords, &word, count)
            count += 1
        shape = shape_of(shapes, kinds, count)
        if shape < 0:
            return NO_MEMORY
        found.shapes[found.count] = shape
        found.count += 1
    return SCANNED


def scan(bytes data not None, keywords):
    cdef Keywords table
    cdef Found found
    cdef Shapes shapes
    cdef int32_t n, code = KEYWORD
    cdef uint64_t slot
    cdef bytes keyword
    cdef int status
    kept = [bytes(keyword) for keyword in keywords]
    if len(kept) > KEYWORD_SLOTS // 2:
        raise ValueError("too many keywords")
    for n in range(KEYWORD_SLOTS):
        table.text[n] = NULL
    for keyword in kept:
        slot = hash_text(PyBytes_AS_STRING(keyword), PyBytes_GET_SIZE(keyword)) & (KEYWORD_SLOTS - 1)
        while table.text[slot] != NULL:
            slot = (slot + 1) & (KEYWORD_SLOTS - 1)
        table.text[slot] = PyBytes_AS_STRING(keyword)
        table.length[slot] = <int32_t> PyBytes_GET_SIZE(keyword)
        table.code[slot] = code
        code += 1
    found.count = 0
    found.room = len(data) // 64 + 64
    found.starts = <int64_t *> malloc(found.room * sizeof(int64_t))
    found.ends = <int64_t *> malloc(found.room * sizeof(int64_t))
    found.numbers = <int32_t *> malloc(found.room * sizeof(int32_t))
    found.shapes = <int32_t *> malloc(found.room * sizeof(int32_t))
    shapes.count = 0
    shapes.slots = 1024
    shapes.used = 0
    shapes.room = 4096
    shapes.slot = <int32_t *> malloc(shapes.slots * sizeof(int32_t))
    shapes.hash = <uint64_t *> malloc(shapes.slots * sizeof(uint64_t))
    shapes.first = <int32_t *> malloc(shapes.slots * sizeof(int32_t))
    shapes.length = <int32_t *> malloc(shapes.slots * sizeof(int32_t))
    shapes.kinds = <uint16_t *> malloc(shapes.room * sizeof(uint16_t))
    try:
        if (
            found.starts == NULL or found.ends == NULL or found.numbers == NULL or found.shapes == NULL
            or shapes.slot == NULL or shapes.hash == NULL or shapes.first == NULL or shapes.length == NULL
            or shapes.kinds == NULL
        ):
            raise MemoryError
        for n in range(shapes.slots):
            shapes.slot[n] = -1
        status = scan_text(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &table, &found, &shapes)
        if status == NO_MEMORY:
            raise MemoryError
        if status == NOT_LINES:
            return None
        return Lines(
            array("q", (<char *> found.starts)[: found.count * sizeof(int64_t)]),
            array("q", (<char *> found.ends)[: found.count * sizeof(int64_t)]),
            array("i", (<char *> found.numbers)[: found.count * sizeof(int32_t)]),
            array("i", (<char *> found.shapes)[: found.count * sizeof(int32_t)]),
            [
                tuple([shapes.kinds[shapes.first[n] + m] for m in range(shapes.length[n])])
                for n in range(shapes.count)
            ],
        )
    finally:
        free(found.starts)
        free(found.ends)
        free(found.numbers)
        free(found.shapes)
        free(shapes.slot)
        free(shapes.hash)
        free(shapes.first)
        free(shapes.length)
        free(shapes.kinds)


# ---------------------------------------------------------------- chains

cdef bint name_of(const char *c, const char *end, int role, Text *name) noexcept nogil:
    """Where the chain's name stands in a line; False where it is quoted."""
    cdef int place = 0 if role == CHAIN_LINE else 1 if role == RULE_LINE else 2
    cdef int n
    for n in range(place + 1):
        if not next_word(&c, end, name):
            return False
    if role == CHAIN_LINE:
        name.start += 1
    return name.start == name.end or name.start[0] != 34


def group(bytes data not None, lines, bytes roles not None):
    cdef const int64_t[::1] starts = lines.starts
    cdef const int64_t[::1] ends = lines.ends
    cdef const int32_t[::1] shapes = lines.shapes
    cdef const char *text = PyBytes_AS_STRING(data)
    cdef const uint8_t *role_of = <const uint8_t *> PyBytes_AS_STRING(roles)
    cdef Py_ssize_t count = shapes.shape[0], size = PyBytes_GET_SIZE(data), n
    cdef Py_ssize_t slots = 1024
    cdef int32_t tables = 0, chains = 0, chain, role
    cdef uint64_t hash, at
    cdef Text name
    cdef bint whole = True
    while slots < 4 * count:
        slots *= 2
    if starts.shape[0] != count or ends.shape[0] != count:
        raise ValueError("lines of different lengths")
    table_lines = array("i", bytes(4 * count))
    chain_table = array("i", bytes(4 * count))
    name_starts = array("q", bytes(8 * count))
    name_ends = array("q", bytes(8 * count))
    chain_line = array("i", bytes(4 * count))
    declared = bytearray(count)
    of_line = array("i", bytes(4 * count))
    first = array("i", bytes(4 * (count + 2)))
    rules = array("i", bytes(4 * count))
    cdef int32_t[::1] table_view = table_lines
    cdef int32_t[::1] chain_table_view = chain_table
    cdef int64_t[::1] start_view = name_starts
    cdef int64_t[::1] end_view = name_ends
    cdef int32_t[::1] line_view = chain_line
    cdef unsigned char[::1] declared_view = declared
    cdef int32_t[::1] of_line_view = of_line
    cdef int32_t[::1] first_view = first
    cdef int32_t[::1] rules_view = rules
    cdef int32_t *slot = <int32_t *> calloc(slots, sizeof(int32_t))
    if slot == NULL:
        raise MemoryError
    try:
        for n in range(count):
            if not (0 <= shapes[n] < len(roles) and 0 <= starts[n] <= ends[n] <= size):
                raise ValueError("a line outside of the text")
        with nogil:
            for n in range(count):
                of_line_view[n] = -1
                role = role_of[shapes[n]]
                if role == COMMIT_LINE:
                    continue
                if role == TABLE_LINE:
                    table_view[tables] = <int32_t> n
                    tables += 1
                    continue
                if role == OTHER or tables == 0 or not name_of(text + starts[n], text + ends[n], role, &name):
                    whole = False
                    break
                hash = mix(hash_whole(name.start, name.end - name.start) + <uint64_t> tables * GOLDEN)
                at = hash & (slots - 1)
                # Slots hold chains from 1.
                while slot[at]:
                    chain = slot[at] - 1
                    if (
                        chain_table_view[chain] == tables - 1
                        and end_view[chain] - start_view[chain] == name.end - name.start
                        and memcmp(text + start_view[chain], name.start, name.end - name.start) == 0
                    ):
                        break
                    at = (at + 1) & (slots - 1)
                else:
                    chain = chains
                    slot[at] = chains + 1
                    chain_table_view[chain] = tables - 1
                    start_view[chain] = name.start - text
                    end_view[chain] = name.end - text
                    line_view[chain] = <int32_t> n
                    declared_view[chain] = role == CHAIN_LINE
                    chains += 1
                    if role == CHAIN_LINE:
                        continue
                if role == CHAIN_LINE:
                    whole = False
                    break
                of_line_view[n] = chain
                first_view[chain + 1] += 1
            if whole:
                for n in range(chains):
                    first_view[n + 1] += first_view[n]
                for n in range(count):
                    chain = of_line_view[n]
                    if chain >= 0:
                        rules_view[first_view[chain]] = <int32_t> n
                        first_view[chain] += 1
                # Each first has moved on to the next one's place.
                for n in range(chains, 0, -1):
                    first_view[n] = first_view[n - 1]
                first_view[0] = 0
    finally:
        free(slot)
    if not whole:
        return None
    return Chains(
        table_lines[:tables], chain_table[:chains], name_starts[:chains], name_ends[:chains], chain_line[:chains],
        declared[:chains], first[: chains + 1], rules[: first[chains]],
    )
