# The tables of `kcompile.frontend.grammar_tables`, the builders and the required fields as arrays, and what a state
# makes of a key or a scalar.

cdef enum:  # what the grammar calls its terminals; keys follow
    STRING = 0
    INT = 1
    BOOL = 2
    NULL_ = 3
    ANY = 4
    OTHER = 5
    MAP_ = 6
    END_MAP_ = 7
    LIST_ = 8
    END_LIST_ = 9
    KEYS = 10
    NOT_EXPECTED = 255

cdef enum:  # what a reduction does, as in `grammar_tables`
    PASS
    FIRST
    APPEND
    FIELD
    PAIR
    COLLECT_MAP
    COLLECT_LIST
    NOTHING

_ACTIONS = ("PASS", "FIRST", "APPEND", "FIELD", "PAIR", "COLLECT_MAP", "COLLECT_LIST", "NOTHING")

cdef enum:  # what a rule does with a whole map
    GIVE_FIELDS = 0
    CALL = 1
    MAKE_MAPPING = 2
    TAKE_ONLY = 3
    MAKE_RECORD = 4
    LEAVE_ITEMS = 5

cdef enum:  # in place of the position of an attribute
    NO_ATTRIBUTE = -1
    INLINED = -2

cdef enum:
    MAX_ATTRIBUTES = 64
    WORDS = 64  # places for the words of YAML, a power of two
    STRINGS = 4096
    LONGEST_KEPT = 40

_TERMINALS = ("STRING", "INT", "BOOL", "NULL", "ANY", "OTHER", "MAP", "_END_MAP", "_LIST", "_END_LIST")

cdef struct Rule:
    int action
    int length
    int origin
    int alias  # -1 for ignored fields
    bint gathers
    int makes
    int record
    int only
    PyObject *builder
    int first_required
    int last_required

cdef struct KeyWord:
    const unsigned char *text
    uint64_t digest
    uint32_t length
    int16_t terminal

cdef struct Record:  # a class with slots
    PyTypeObject *type
    int count
    Py_ssize_t offsets[MAX_ATTRIBUTES]  # where its slots are
    PyObject *defaults[MAX_ATTRIBUTES]  # NULL for none

cdef struct String:
    uint64_t digest
    uint64_t seen  # of the last text that was not kept
    PyObject *text

cdef struct Word:
    KeyWord text
    PyObject *value


cdef class Grammar:
    """The tables, builders and required fields of a grammar, ready for the driver."""

    cdef int states, terminals, origins
    cdef int16_t *shifts
    cdef int16_t *gotos
    cdef int16_t *defaults
    cdef uint8_t *appends  # whether a state only adds one more to a repetition
    cdef uint8_t *near_misses
    cdef Rule *rules
    cdef Record *records
    cdef int16_t *attribute_of  # by record and alias: a position, NO_ATTRIBUTE or INLINED
    cdef int aliases
    cdef int *required
    cdef KeyWord *keys
    cdef KeyWord *misspelled_keys
    cdef uint32_t key_mask
    cdef Word words[WORDS]
    cdef uint8_t begins_word[256]
    cdef String *strings
    cdef dict starts, origin_numbers, terminal_numbers, alias_numbers
    cdef list alias_names
    cdef list held  # what is pointed to from the arrays

    def __cinit__(self, tables, builders, required):
        self.held = [tables, builders, required]
        self.starts = dict(tables.start)
        self.strings = <String *>allocate(STRINGS, sizeof(String))
        self._read_states(tables)
        self._read_keys(tables.keys)
        self._read_words()
        self._read_rules(tables, builders, required)
        self._skip_passes()

    def __dealloc__(self):
        if self.strings:
            for i in range(STRINGS):
                Py_XDECREF(self.strings[i].text)
        free(self.strings)
        free(self.shifts)
        free(self.gotos)
        free(self.defaults)
        free(self.appends)
        free(self.near_misses)
        free(self.rules)
        free(self.records)
        free(self.attribute_of)
        free(self.required)
        free(self.keys)
        free(self.misspelled_keys)

    cdef _read_states(self, tables):
        self.terminal_numbers = number_of = {name: number for number, name in enumerate(_TERMINALS)}
        for terminal in tables.keys.values():
            number_of.setdefault(terminal, len(number_of))
        self.origin_numbers = {name: number for number, name in enumerate(dict.fromkeys(tables.origins))}
        self.states = len(tables.shifts)
        self.terminals = len(number_of)
        self.origins = len(self.origin_numbers)
        if max(self.states, len(tables.rules)) > 0x7FFF:
            raise ValueError("the grammar has too many states")
        self.shifts = <int16_t *>allocate(self.states * self.terminals, sizeof(int16_t))
        self.gotos = <int16_t *>allocate(self.states * self.origins, sizeof(int16_t))
        self.defaults = <int16_t *>allocate(self.states, sizeof(int16_t))
        self.appends = <uint8_t *>allocate(self.states, 1)
        self.near_misses = <uint8_t *>allocate(self.states, 1)
        memset(self.shifts, 0xFF, self.states * self.terminals * sizeof(int16_t))
        memset(self.gotos, 0xFF, self.states * self.origins * sizeof(int16_t))
        for state in range(self.states):
            self.defaults[state] = tables.default[state]
            self.near_misses[state] = bool(tables.near_misses.get(state))
            for name, target in tables.shifts[state].items():
                self.shifts[<int>state * self.terminals + <int>number_of[name]] = target
            for name, target in tables.gotos[state].items():
                self.gotos[<int>state * self.origins + <int>self.origin_numbers[name]] = target

    cdef _read_keys(self, keys):
        cdef uint32_t size = 64
        while size < 4 * len(keys):
            size *= 2
        self.key_mask = size - 1
        self.keys = <KeyWord *>allocate(size, sizeof(KeyWord))
        self.misspelled_keys = <KeyWord *>allocate(size, sizeof(KeyWord))
        number_of = self.terminal_numbers
        for key, terminal in keys.items():
            self._add_key(self.keys, key.encode(), number_of[terminal])
            for misspelled in grammar_tables.misspellings(key):
                self._add_key(self.misspelled_keys, misspelled.encode(), number_of[terminal])

    cdef _add_key(self, KeyWord *table, bytes text, int terminal):
        cdef KeyWord key = keyword(text, terminal)
        cdef uint32_t place = <uint32_t>key.digest & self.key_mask
        while table[place].text != NULL:
            place = (place + 1) & self.key_mask
        table[place] = key
        self.held.append(text)

    cdef _read_words(self):
        cdef uint32_t place
        cdef bytes text
        for word, (terminal, value) in scalars.WORDS.items():
            text = word.encode()
            self.held += (text, value)
            place = <uint32_t>text_digest(<const unsigned char *>PyBytes_AS_STRING(text), len(text)) % WORDS
            while self.words[place].text.text != NULL:
                place = (place + 1) % WORDS
            self.words[place].text = keyword(text, self.terminal_numbers[terminal])
            self.words[place].value = NULL if value is None else <PyObject *>value
            self.begins_word[text[0] if text else 0] = True

    cdef _read_rules(self, tables, builders, required):
        cdef int number, records = 0
        cdef Rule *rule
        self.alias_names = list(dict.fromkeys(rule.name for rule in tables.rules))
        self.alias_names += {name for fields in required.values() for name, _ in fields}.difference(self.alias_names)
        self.alias_numbers = alias_of = {name: number for number, name in enumerate(self.alias_names)}
        self.aliases = len(self.alias_names)
        makers = {name: builder for name, builder in builders.items() if isinstance(builder, build.Record)}
        self.rules = <Rule *>allocate(len(tables.rules), sizeof(Rule))
        self.required = <int *>allocate(sum(map(len, required.values())) * len(tables.rules) + 1, sizeof(int))
        self.records = <Record *>allocate(len(makers) + 1, sizeof(Record))
        self.attribute_of = <int16_t *>allocate((len(makers) + 1) * self.aliases, sizeof(int16_t))
        record_of = {}
        for name, builder in makers.items():
            self._read_record(records, builder, alias_of)
            record_of[name] = records
            records += 1
        cdef int required_count = 0
        actions = {getattr(grammar_tables, name): number for number, name in enumerate(_ACTIONS)}
        for number in range(len(tables.rules)):
            rule = &self.rules[number]
            read = tables.rules[number]
            rule.action = actions[read.action]
            rule.length = read.length
            rule.gathers = read.gathers
            rule.origin = self.origin_numbers[tables.origins[number]]
            rule.alias = -1 if read.name == "ignored" else alias_of[read.name]
            rule.first_required = required_count
            if rule.action == COLLECT_MAP:
                for attribute, _ in required.get(read.name, ()):
                    self.required[required_count] = alias_of[attribute]
                    required_count += 1
                builder = builders.get(read.name)
                rule.builder = <PyObject *>builder
                if builder is None:
                    rule.makes = GIVE_FIELDS
                elif builder is MappingProxyType:
                    rule.makes = MAKE_MAPPING
                elif builder is build.part:
                    rule.makes = LEAVE_ITEMS
                elif isinstance(builder, build.Only):
                    rule.makes = TAKE_ONLY
                    rule.only = alias_of.get(builder.name, -1)
                elif read.name in record_of:
                    rule.makes = MAKE_RECORD
                    rule.record = record_of[read.name]
                else:
                    rule.makes = CALL
            rule.last_required = required_count

    cdef _skip_passes(self):
        """Lead past the states that can only PASS a value on: that changes nothing but the state."""
        cdef int state, i
        cdef const Rule *rule
        for state in range(self.states):
            for i in range(self.terminals):
                self.shifts[state * self.terminals + i] = self._past(state, self.shifts[state * self.terminals + i])
            for i in range(self.origins):
                self.gotos[state * self.origins + i] = self._past(state, self.gotos[state * self.origins + i])
            if self.defaults[state] >= 0:
                rule = &self.rules[self.defaults[state]]
                self.appends[state] = rule.action == APPEND and rule.length == 2

    cdef int16_t _past(self, int below, int16_t state) noexcept:
        cdef const Rule *rule
        while state >= 0 and self.defaults[state] >= 0:
            rule = &self.rules[self.defaults[state]]
            if rule.action != PASS or rule.length != 1:
                break
            state = self.gotos[below * self.origins + rule.origin]
        return state

    cdef _read_record(self, int number, builder, alias_of):
        cdef Record *record = &self.records[number]
        cdef int i
        fields = dataclasses.fields(builder.type)
        if len(fields) > MAX_ATTRIBUTES:
            raise ValueError(f"{builder.type} has too many attributes")
        record.type = <PyTypeObject *>builder.type
        record.count = len(fields)
        for i in range(self.aliases):
            self.attribute_of[number * self.aliases + i] = NO_ATTRIBUTE
        for name in builder.inlined:
            self.attribute_of[number * self.aliases + <int>alias_of[name]] = INLINED
        for i in range(record.count):
            field = fields[i]
            record.offsets[i] = slot_offset(builder.type, field.name)
            if record.offsets[i] == 0:
                raise TypeError(f"{builder.type.__name__}.{field.name} is no slot")
            # What a factory gives is shared: the model's are constants.
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            if default is not dataclasses.MISSING:
                self.held.append(default)
                record.defaults[i] = <PyObject *>default
            if field.name in alias_of:
                self.attribute_of[number * self.aliases + <int>alias_of[field.name]] = i

    cdef int key_terminal(self, int state, const unsigned char *text, uint32_t length) noexcept:
        """The terminal of a key in a state that expects keys, or NOT_EXPECTED."""
        cdef const int16_t *expected = &self.shifts[state * self.terminals]
        cdef uint64_t digest = text_digest(text, length)
        cdef uint32_t place = <uint32_t>digest & self.key_mask
        cdef KeyWord *key
        while self.keys[place].text != NULL:
            key = &self.keys[place]
            if key.digest == digest and key.length == length and memcmp(key.text, text, length) == 0:
                if expected[key.terminal] >= 0:
                    return key.terminal
                break
            place = (place + 1) & self.key_mask
        if expected[OTHER] < 0 or (self.near_misses[state] and self._is_misspelled(expected, text, length)):
            return NOT_EXPECTED
        return OTHER

    cdef bint _is_misspelled(self, const int16_t *expected, const unsigned char *text, uint32_t length) noexcept:
        """Whether a key that is passed over is a misspelling of one that counts, or might be."""
        cdef unsigned char folded[64]
        cdef uint32_t i, place
        cdef uint64_t digest
        cdef KeyWord *key
        for i in range(length):
            if text[i] >= 0x80:
                return True
            if i < 64:
                folded[i] = text[i] + 32 if c'A' <= text[i] <= c'Z' else text[i]
        if length > 64:
            return False
        digest = text_digest(folded, length)
        place = <uint32_t>digest & self.key_mask
        while self.misspelled_keys[place].text != NULL:
            key = &self.misspelled_keys[place]
            if key.digest == digest and key.length == length and memcmp(key.text, folded, length) == 0:
                if expected[key.terminal] >= 0:
                    return True
            place = (place + 1) & self.key_mask
        return False

    cdef PyObject *text_of(self, const unsigned char *text, uint32_t length) except NULL:
        """A new reference to a str. Short texts that come again are kept for a while, such as zones and nodes."""
        cdef uint64_t digest
        cdef String *kept
        cdef PyObject *made
        if not is_ascii(text, length):
            return PyUnicode_DecodeUTF8(<const char *>text, length, NULL)
        if length > LONGEST_KEPT:
            return ascii_text(text, length)
        digest = text_digest(text, length)
        kept = &self.strings[digest % STRINGS]
        if kept.text != NULL and kept.digest == digest and is_ascii_text(kept.text, text, length):
            Py_INCREF(<object>kept.text)
            return kept.text
        made = ascii_text(text, length)
        if kept.seen != digest:
            kept.seen = digest
            return made
        Py_XDECREF(kept.text)
        kept.digest = digest
        kept.text = made
        Py_INCREF(<object>made)
        return made

    cdef int scalar(self, const Token *token, PyObject **value) except -1:
        """The terminal of a scalar, as `kcompile.frontend.scalars` resolves it, and a new reference to its value."""
        cdef const unsigned char *text = token.text
        cdef unsigned char first = text[0] if token.length else 0
        cdef int terminal = STRING
        cdef uint32_t i
        cdef long long number = 0
        cdef const Word *word
        if token.plain and (c"0" <= first <= c"9" or first == c"+" or first == c"-" or first == c"."):
            terminal = number_terminal(text, token.length)
        elif token.plain and self.begins_word[first]:
            i = <uint32_t>text_digest(text, token.length) % WORDS
            while self.words[i].text.text != NULL:
                word = &self.words[i]
                if word.text.length == token.length and memcmp(word.text.text, text, token.length) == 0:
                    value[0] = word.value
                    Py_XINCREF(value[0])
                    return word.text.terminal
                i = (i + 1) % WORDS
        if terminal == STRING:
            value[0] = self.text_of(text, token.length)
        elif terminal == INT:
            for i in range(token.length):
                number = number * 10 + (text[i] - c"0")
            value[0] = PyLong_FromLongLong(number)
        else:
            name, resolved = scalars.resolve(text[: token.length].decode())
            terminal = self.terminal_numbers.get(name, NOT_EXPECTED)
            Py_INCREF(resolved)
            value[0] = <PyObject *>resolved
        return terminal


cdef void *allocate(size_t count, size_t size) except NULL:
    cdef void *memory = calloc(count + 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef inline PyObject *ascii_text(const unsigned char *text, uint32_t length) except NULL:
    cdef PyObject *made = PyUnicode_New(length, 127)
    memcpy(PyUnicode_1BYTE_DATA(made), text, length)
    return made


cdef inline bint is_ascii_text(PyObject *kept, const unsigned char *text, uint32_t length) noexcept:
    return PyUnicode_GET_LENGTH(kept) == length and memcmp(PyUnicode_1BYTE_DATA(kept), text, length) == 0


cdef KeyWord keyword(bytes text, int terminal):
    """`text` is to be held for as long as the result is used."""
    cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(text)
    cdef uint32_t length = <uint32_t>PyBytes_GET_SIZE(text)
    return KeyWord(data, text_digest(data, length), length, <int16_t>terminal)


cdef int number_terminal(const unsigned char *text, uint32_t length) noexcept:
    """What a plain scalar that begins like a number is; NOT_EXPECTED where `kcompile.frontend.scalars` is to be asked."""
    cdef uint32_t i, dots = 0
    cdef unsigned char c
    cdef bint digits = True
    if length > 64:
        return STRING
    for i in range(length):
        c = text[i]
        if c"0" <= c <= c"9":
            continue
        digits = False
        if c == c".":
            dots += 1
        elif not (c"a" <= (c | 32) <= c"f" or c == c"_" or c == c"+" or c == c"-" or (c | 32) in (c"x", c"o", c"i", c"n")):
            return STRING
    if digits and length < 18 and (text[0] != c"0" or length == 1):
        return INT
    return STRING if dots > 1 else NOT_EXPECTED
