# The LALR driver: tokens to fields and to the objects of `model`. It does what `kcompile.frontend.parser.parse` does with
# an input that is right, and gives up on any other.

cdef enum:
    MAX_STACK = 2048  # a level of nesting takes at most five entries

cdef enum:  # what reductions lead to
    WRONG
    GOES_ON
    COMPLETE

cdef struct Entry:  # of the stack of values, or one item of a repetition
    PyObject *value  # owned; NULL for null
    PyObject *key  # owned; of an entry of a map of strings
    uint32_t token
    uint32_t first_item
    int alias


class _Part:
    """Stands for the value of a map whose items are left for the map around it."""


_PART = _Part()


cdef inline bint is_part(const Entry *entry) noexcept:
    return entry.value == <PyObject *>_PART


cdef inline void drop(Entry *entry) noexcept:
    Py_CLEAR(entry.value)
    Py_CLEAR(entry.key)


cdef class Parser(Grammar):
    """Parses one map at a time."""

    cdef const Token *tokens
    cdef Entry *items
    cdef uint32_t item_count, item_capacity
    cdef Entry values[MAX_STACK]
    cdef int16_t stack[MAX_STACK]
    cdef int top

    def __dealloc__(self):
        self.clear()
        free(self.items)

    cdef void clear(self) noexcept:
        while self.item_count:
            self.item_count -= 1
            drop(&self.items[self.item_count])
        while self.top > 0:
            drop(&self.values[self.top])
            self.top -= 1

    cdef object parse(self, str start, const Token *tokens, uint32_t count):
        """The fields of the map that the tokens are, by the rule `start`; None where something is wrong with it."""
        if self.item_capacity < count:
            free(self.items)
            self.item_capacity = 0
            self.items = <Entry *>allocate(count, sizeof(Entry))
            self.item_capacity = count
        self.tokens = tokens
        self.top = 0
        self.stack[0] = self.starts[start]
        cdef int origin = self.origin_numbers[start]
        try:
            if not self.run(origin, count):
                return None
            return <object>self.values[1].value
        finally:
            self.clear()

    cdef bint run(self, int start, uint32_t count) except -1:
        """Shift and reduce until the start rule stands alone on the stack. False: something is wrong."""
        cdef uint32_t i = 0
        cdef const Token *token
        cdef const int16_t *expected
        cdef PyObject *value
        cdef int terminal, state, settled
        while i < count:
            if self.top + 3 >= MAX_STACK:
                return False
            token = &self.tokens[i]
            state = self.stack[self.top]
            if token.kind == KEY:
                terminal = self.key_terminal(state, token.text, token.length)
                if terminal == NOT_EXPECTED or i + 1 == count:
                    return False
                state = self.shifts[state * self.terminals + terminal]
                if state < 0:
                    return False
                self.push(state, i, NULL)
                i += 1
                token += 1
            expected = &self.shifts[state * self.terminals]
            value = NULL
            if expected[ANY] >= 0:
                terminal = ANY
            elif token.kind == SCALAR:
                terminal = self.scalar(token, &value)
            elif token.kind == MAP:
                terminal = MAP_
            elif token.kind == LIST:
                terminal = LIST_
            else:
                terminal = END_MAP_ if token.kind == END_MAP else END_LIST_
            if terminal == NOT_EXPECTED or expected[terminal] < 0:
                Py_XDECREF(value)
                return False
            self.push(expected[terminal], i, value)
            i += 1
            if terminal == ANY and (token.kind == MAP or token.kind == LIST):
                i += token.span
            if self.settle_field():
                continue
            settled = self.settle(start)
            if settled != GOES_ON:
                return settled == COMPLETE and i == count
        return False

    cdef inline void push(self, int state, uint32_t token, PyObject *value) noexcept:
        cdef Entry *entry
        self.top += 1
        self.stack[self.top] = <int16_t>state
        entry = &self.values[self.top]
        entry.value = value
        entry.key = NULL
        entry.token = token
        entry.first_item = 0
        entry.alias = -1

    cdef inline bint settle_field(self) noexcept:
        """What `settle` comes to where a field has a value without parts, and is not the first of its map.

        A repetition that has taken one more field is in the state in which it was.
        """
        cdef const Rule *rule
        cdef Entry *entry = &self.values[self.top]
        cdef int number = self.defaults[self.stack[self.top]]
        if number < 0 or self.top < 2:
            return False
        rule = &self.rules[number]
        if rule.action != FIELD or rule.length != 2:
            return False
        number = self.gotos[self.stack[self.top - 2] * self.origins + rule.origin]
        if number < 0 or not self.appends[number]:
            return False
        entry.alias = rule.alias
        if rule.alias < 0:
            drop(entry)
        self.append(entry)
        self.top -= 2
        return True

    cdef int settle(self, int start) except -1:
        """Reduce as long as the state on top is one that can only reduce."""
        cdef int number = self.defaults[self.stack[self.top]]
        cdef const Rule *rule
        cdef int state
        while number >= 0:
            rule = &self.rules[number]
            if not self.reduce(rule):
                return WRONG
            if rule.origin == start and self.top == 1:
                return COMPLETE
            state = self.gotos[self.stack[self.top - 1] * self.origins + rule.origin]
            if state < 0:
                return WRONG
            self.stack[self.top] = <int16_t>state
            number = self.defaults[state]
        return GOES_ON

    cdef bint reduce(self, const Rule *rule) except -1:
        """Replace the values of a rule's symbols by its own, at the place of the first. False: something is wrong."""
        cdef Entry *first = &self.values[self.top - rule.length + 1]
        cdef Entry *last = &self.values[self.top]
        cdef uint32_t first_item
        cdef const Token *token
        if rule.length > self.top:
            return False
        if rule.action == FIELD:
            if rule.alias < 0 or last.value == NULL:
                drop(last)
                first.alias = -1
            else:
                first.value = last.value
                first.alias = rule.alias
                first.first_item = last.first_item
        elif rule.action == APPEND:
            self.append(last)
        elif rule.action == FIRST:
            first_item = last.first_item if is_part(last) else self.item_count
            self.append(last)
            first.first_item = first_item
        elif rule.action == COLLECT_MAP:
            first_item = self.values[self.top - rule.length + 2].first_item if rule.gathers else self.item_count
            if not self.collect_map(rule, first, first_item):
                return False
        elif rule.action == COLLECT_LIST:
            first_item = self.values[self.top - rule.length + 2].first_item if rule.gathers else self.item_count
            if not self.collect_list(first, first_item):
                return False
        elif rule.action == PAIR:
            token = &self.tokens[first.token]
            first.key = self.text_of(token.text, token.length)
            first.value = last.value if last.value != NULL else self.text_of(b"", 0)
        self.top -= rule.length
        self.top += 1
        return True

    cdef void append(self, Entry *entry) noexcept:
        """A token adds one item at most, and there is room for as many items as there are tokens."""
        if entry.value != NULL and self.item_count < self.item_capacity:
            self.items[self.item_count] = entry[0]
            self.item_count += 1
        else:
            drop(entry)
        entry.value = NULL
        entry.key = NULL

    cdef bint collect_list(self, Entry *into, uint32_t first_item) except -1:
        cdef uint32_t i
        for i in range(first_item, self.item_count):
            if is_part(&self.items[i]):
                return False
        cdef PyObject *made = PyTuple_New(self.item_count - first_item)
        for i in range(first_item, self.item_count):
            PyTuple_SET_ITEM(made, i - first_item, self.items[i].value)
            self.items[i].value = NULL
        self.item_count = first_item
        into.value = made
        return True

    cdef bint collect_map(self, const Rule *rule, Entry *into, uint32_t first_item) except -1:
        cdef uint32_t i
        cdef int number
        cdef bint found
        for number in range(rule.first_required, rule.last_required):
            found = False
            for i in range(first_item, self.item_count):
                found |= self.items[i].alias == self.required[number]
            if not found:
                return False
        if rule.makes == LEAVE_ITEMS:
            Py_INCREF(_PART)
            into.value = <PyObject *>_PART
            into.first_item = first_item
            return True
        if rule.makes == MAKE_RECORD:
            into.value = self.make_record(rule, first_item)
            if into.value == NULL:
                return False
        elif rule.makes == TAKE_ONLY:
            for i in range(first_item, self.item_count):
                if self.items[i].alias == rule.only:
                    Py_CLEAR(into.value)
                    into.value = self.items[i].value
                    self.items[i].value = NULL
        else:
            made = self.fields(first_item)
            if made is None:
                return False
            if rule.makes == MAKE_MAPPING:
                made = MappingProxyType(made)
            elif rule.makes == CALL:
                made = (<object>rule.builder)(made)
            if made is not None:
                Py_INCREF(made)
                into.value = <PyObject *>made
        while self.item_count > first_item:
            self.item_count -= 1
            drop(&self.items[self.item_count])
        return True

    cdef dict fields(self, uint32_t first_item):
        cdef dict made = {}
        cdef uint32_t i
        cdef Entry *item
        for i in range(first_item, self.item_count):
            item = &self.items[i]
            if is_part(item):
                return None
            made[<object>item.key if item.key != NULL else self.alias_names[item.alias]] = <object>item.value
        return made

    cdef PyObject *make_record(self, const Rule *rule, uint32_t first_item) except? NULL:
        """A new object with its slots filled, past the __init__ of a frozen dataclass; NULL where an attribute lacks."""
        cdef const Record *record = &self.records[rule.record]
        cdef const int16_t *attribute_of = &self.attribute_of[rule.record * self.aliases]
        cdef PyObject *values[MAX_ATTRIBUTES]  # borrowed
        cdef PyObject *made
        cdef Entry *item
        cdef uint32_t i
        cdef int number
        memcpy(values, record.defaults, record.count * sizeof(PyObject *))
        for i in range(first_item, self.item_count):
            item = &self.items[i]
            number = attribute_of[item.alias]
            if number >= 0 and not is_part(item):
                values[number] = item.value
            elif not (number == INLINED and is_part(item)):
                return NULL
        for number in range(record.count):
            if values[number] == NULL:
                return NULL
        made = PyType_GenericAlloc(record.type, 0)
        for number in range(record.count):
            Py_XINCREF(values[number])
            (<PyObject **>(<char *>made + record.offsets[number]))[0] = values[number]
        return made
