# Records, their values, and templates that are filled in from them. A part of emit.pyx.

from libc.stdint cimport UINT32_MAX, uint8_t, uint32_t, uint64_t

cdef extern from "sha256.h":
    ctypedef struct Sha256:
        const uint8_t *text
        size_t n_blocks
        uint32_t state[8]
    ctypedef void (*sha256_function)(Sha256 *one, Sha256 *other, size_t block) noexcept
    sha256_function sha256_select(int portable) noexcept
    size_t sha256_pad(uint8_t *text, size_t length) noexcept
    void sha256_hash(sha256_function function, Sha256 *one, Sha256 *other) noexcept
    void sha256_base32(const uint32_t *state, char *out, int count) noexcept
    int SHA256_PADDING
    int SHA256_BASE32_LENGTH

cdef extern from "emit.h":
    void prefetch_items(PyObject *items, Py_ssize_t i) noexcept
    void prefetch_first_items(PyObject *items, bint texts) noexcept
    void prefetch_slot(PyObject *tuple, Py_ssize_t number) noexcept
    void prefetch(const void *place) noexcept
    char *append_short(char *to, const char *text, size_t length) noexcept
    void prefetch_stretch(const char *text, size_t length) noexcept
    void prefetch_output(const char *end, size_t length) noexcept

cdef extern from *:
    int __builtin_ctzll(uint64_t bits) noexcept

cdef enum:
    TEXT = -1  # a step: a stretch of the scratch buffer
    ENTRY = -2  # a step: an entry that lies at a known distance from the item's place
    OWN = -3  # a step: a text of the item that is read from its list
    LINE = -4  # a step: what follows is a line, which the item may not have
    MOST_TEXTS = 4  # of an item that are read from its list
    MOST_ASKED = 2048  # bytes of a record's values that are asked for
    SAMPLE = 64  # records that tell what the rest will take

cdef struct Step:  # of writing an item; all of it is written, so that steps can be compared as bytes
    Py_ssize_t kind  # TEXT, ENTRY, OWN, LINE, or the operation's
    size_t start  # in the scratch buffer; the entry at place 0; the number of the text, or of the step behind the line
    size_t length  # or how far it is from the entry of a place to that of the next
    void *operation  # or the line

cdef struct Place:  # where an item stands
    # The texts of the item's first fields, if its list has them; and where the next item's are.
    int n_texts
    Text texts[MOST_TEXTS]
    const uint8_t *next
    const uint8_t *end
    int each
    Py_ssize_t index
    Py_ssize_t count
    size_t at  # what ENTRY steps count from

cdef inline size_t scaled(size_t size, size_t sample, size_t total) noexcept:
    """What `total` will take, when `sample` took `size`, and a little more."""
    return <size_t>(<double>size / (sample + (sample == 0)) * total * 1.06)

cdef sha256_function SHA256 = sha256_select(0)

cdef struct Message:  # a text to be hashed, padded, and where in `texts` how much of its digest goes
    Buffer text
    Sha256 hash
    size_t start
    int digest


cdef class _Records:
    """Records whose values are worked out, one of which is being written."""

    cdef _Program program
    cdef tuple records
    cdef _Arrays arrays
    # For each record: which fields are true, and where its values begin, and where the last one's end.
    cdef uint64_t *truths
    cdef size_t *value_starts
    cdef uint32_t *counts  # the lengths of its lists
    cdef uint8_t *same  # for each of them, the first list that is the same one
    cdef PyObject **packed  # and their texts, or NULL
    cdef list held  # so that the texts stay
    # The start of each value in `texts`, and that of the next one; before them, those of the lookups.
    cdef uint32_t *entries
    cdef size_t n_entries
    cdef size_t *lookup_at  # for each lookup, the entry of its text for 0
    cdef Py_ssize_t longest  # of all lists
    cdef Buffer texts, scratch
    cdef Message messages[2]  # two are hashed at once
    cdef int n_messages
    # The record that is being written.
    cdef PyObject *record
    cdef Py_ssize_t current  # its number
    cdef size_t *value_at  # for each value, its first entry
    cdef int *value_end  # for each of the values that are worked out together, the end of its steps
    cdef Py_ssize_t *cursor  # for each list, the item that was last looked up in it
    cdef Step *steps
    cdef int n_steps
    # The section that is being written: how many lines it has so far, and what stands between them.
    cdef size_t written
    cdef Text separator

    def __init__(self, _Program program, tuple records):
        self.program, self.records = program, records
        self.arrays = _Arrays()
        cdef size_t n = len(records)
        self.truths = <uint64_t *>self.arrays.take(n, sizeof(uint64_t))
        self.value_starts = <size_t *>self.arrays.take(n + 1, sizeof(size_t))
        self.counts = <uint32_t *>self.arrays.take(n * program.n_lists, sizeof(uint32_t))
        self.same = <uint8_t *>self.arrays.take(n * program.n_lists, sizeof(uint8_t))
        self.packed = <PyObject **>self.arrays.take(n * program.n_lists, sizeof(PyObject *))
        self.held = []
        self.value_at = <size_t *>self.arrays.take(program.n_values, sizeof(size_t))
        self.value_end = <int *>self.arrays.take(program.n_values, sizeof(int))
        self.lookup_at = <size_t *>self.arrays.take(program.n_lookups, sizeof(size_t))
        self.cursor = <Py_ssize_t *>self.arrays.take(program.n_lists, sizeof(Py_ssize_t))
        self.steps = <Step *>self.arrays.take(program.n_operations + program.n_lines, sizeof(Step))
        open_buffer(&self.texts, 4096)
        open_buffer(&self.scratch, 4096)
        open_buffer(&self.messages[0].text, 4096)
        open_buffer(&self.messages[1].text, 4096)
        self.prepare()

    def __dealloc__(self):
        close_buffer(&self.texts)
        close_buffer(&self.scratch)
        close_buffer(&self.messages[0].text)
        close_buffer(&self.messages[1].text)

    @cython.final
    cdef int prepare(self) except -1:
        cdef Py_ssize_t i, n = len(self.records)
        cdef size_t total = 0
        cdef int v
        for i in range(n):
            self.value_starts[i] = total
            total += self.check_record(i)
        self.value_starts[n] = total
        for i in range(n + 1):
            self.value_starts[i] += self.program.n_lookups * (self.longest + 1)
        total = self.value_starts[n]
        if n > UINT32_MAX or total >= UINT32_MAX:
            raise OverflowError("more records or values than fit 32 bits")
        self.entries = <uint32_t *>self.arrays.take(total + 1, sizeof(uint32_t))
        self.put_lookups()
        for i in range(n):
            self.ask_ahead(self.program.fields_of_values, NULL, i, n)
            self.enter(i)
            for v in range(self.program.n_values):
                if self.program.values[v].first == v:
                    self.put_values(v)
            if i + 1 == SAMPLE:
                reserve(&self.texts, scaled(self.texts.used, self.n_entries, total))
        self.hash_messages()
        return 0

    @cython.final
    cdef Py_ssize_t check_record(self, Py_ssize_t i) except -1:
        """Check that a record fits the table; the number of its values."""
        cdef PyObject *record = PyTuple_GET_ITEM(<PyObject *>self.records, i)
        cdef Py_ssize_t count = 0
        cdef int number
        if not PyTuple_Check(record) or PyTuple_GET_SIZE(record) < self.program.width:
            raise ValueError(f"a record is a tuple of {self.program.width} fields")
        for number in range(self.program.width):
            self.truths[i] |= <uint64_t>is_true(PyTuple_GET_ITEM(record, number)) << number
        self.record = record
        for number in range(self.program.n_lists):
            if not PyTuple_Check(self.items(number)):
                raise TypeError(f"field {self.program.lists[number].field} of a record is a tuple of items")
            self.counts[i * self.program.n_lists + number] = PyTuple_GET_SIZE(self.items(number))
            if not PyTuple_CheckExact(self.items(number)):
                self.packed[i * self.program.n_lists + number] = self.hold_texts(self.items(number))
            while self.items(self.same[i * self.program.n_lists + number]) != self.items(number):
                self.same[i * self.program.n_lists + number] += 1
            self.longest = max(self.longest, PyTuple_GET_SIZE(self.items(number)))
        self.current = i
        for number in range(self.program.n_values):
            count += self.values_of(number)
        return count

    @cython.final
    cdef PyObject *hold_texts(self, PyObject *items) except? NULL:
        """The texts of a list, if it has any."""
        texts = getattr(<object>items, "texts", None)
        if not isinstance(texts, bytes) or not 0 < len(<bytes>texts) or (<bytes>texts)[0] > MOST_TEXTS:
            return NULL
        self.held.append(texts)
        return <PyObject *>texts

    @cython.final
    cdef inline void start(self, Place *place, int each, bint looks_at_items) noexcept:
        """Stand before the first item of a list of the record."""
        cdef PyObject *texts = NULL
        place.each, place.index, place.count, place.n_texts = each, 0, 1, 0
        if each >= 0:
            place.count = self.counts[self.current * self.program.n_lists + each]
            texts = self.packed[self.current * self.program.n_lists + each]
        if texts != NULL and looks_at_items:
            place.next = <const uint8_t *>bytes_text(texts)
            place.end = place.next + bytes_length(texts)
            place.n_texts = place.next[0]
            place.next += 1

    @cython.final
    cdef inline int look_at_item(self, Place *place) except -1:
        """Find the texts of the item at `index`, which are the next ones."""
        cdef int i
        if place.n_texts == 0:
            prefetch_items(self.items(place.each), place.index)
        for i in range(place.n_texts):
            if place.next == place.end or place.end - place.next <= place.next[0]:
                raise ValueError("a list has fewer texts than items")
            place.texts[i].data, place.texts[i].length = <const char *>place.next + 1, place.next[0]
            place.next += 1 + place.next[0]
        return 0

    @cython.final
    cdef inline PyObject *item(self, const Place *place) noexcept:
        return PyTuple_GET_ITEM(self.items(place.each), place.index)

    @cython.final
    cdef int put_lookups(self) except -1:
        """The texts of each lookup for every place that an item can have."""
        for i, lookup in enumerate(self.program.source.lookups):
            self.lookup_at[i] = self.n_entries
            for place in range(self.longest + 1):
                text = lookup.text(place).encode()
                put_text(&self.texts, text_of(text))
                self.n_entries += 1
                self.entries[self.n_entries] = self.texts.used
        return 0

    @cython.final
    cdef inline Py_ssize_t values_of(self, int value) noexcept:
        """How many texts a value has in the current record."""
        cdef int over = self.program.values[value].over
        return 1 if over < 0 else self.counts[self.current * self.program.n_lists + over]

    @cython.final
    cdef inline PyObject *items(self, int number) noexcept:
        return PyTuple_GET_ITEM(self.record, self.program.lists[number].field)

    @cython.final
    cdef int enter(self, Py_ssize_t i) noexcept:
        """Make a record the current one."""
        cdef int v
        cdef size_t at = self.value_starts[i]
        cdef Value *value
        self.record = PyTuple_GET_ITEM(<PyObject *>self.records, i)
        self.current = i
        for v in range(self.program.n_values):
            value = &self.program.values[v]
            self.value_at[v] = at + v - value.first
            if v + 1 == value.first + value.width:
                at += value.width * self.values_of(v)
        return 0

    @cython.final
    cdef void ask_ahead(self, uint64_t fields, const uint32_t *order, size_t k, size_t n) noexcept:
        """Records, their fields and items lie anywhere in memory: ask for those of the next records in good time.

        Each step follows pointers that the step before has asked for.
        """
        cdef PyObject *record
        cdef PyObject *texts
        cdef size_t i
        cdef int number
        cdef uint64_t rest = fields
        if not fields:
            return
        if k + 6 < n:
            record = self.record_at(order, k + 6)
            for number in range(0, self.program.width, 8):
                prefetch_slot(record, number)
        if k + 4 < n:
            record = self.record_at(order, k + 4)
            while rest:
                prefetch(PyTuple_GET_ITEM(record, __builtin_ctzll(rest)))
                rest &= rest - 1
        for number in range(self.program.n_lists):
            if not fields >> self.program.lists[number].field & 1:
                continue
            for i in range(k + 1, min(k + 3, n)):
                texts = self.packed[(order[i] if order != NULL else i) * self.program.n_lists + number]
                record = self.record_at(order, i)
                if texts == NULL:
                    prefetch_first_items(PyTuple_GET_ITEM(record, self.program.lists[number].field), i == k + 1)
                else:
                    prefetch_text(bytes_text(texts) + 128 * (k + 2 - i), 64)

    @cython.final
    cdef inline PyObject *record_at(self, const uint32_t *order, size_t k) noexcept:
        return PyTuple_GET_ITEM(<PyObject *>self.records, order[k] if order != NULL else k)

    @cython.final
    cdef inline void ask_for_values(self, const uint32_t *order, size_t k, size_t n) noexcept:
        """So do their values, in another order than their own."""
        cdef size_t start, end
        if k + 8 < n:
            prefetch(self.entries + self.value_starts[order[k + 8]])
            start = self.entries[self.value_starts[order[k + 4]]]
            end = self.entries[self.value_starts[order[k + 4] + 1]]
            prefetch_stretch(self.texts.data + start, min(end - start, MOST_ASKED))

    @cython.final
    cdef int put_values(self, int first) except -1:
        """Work out the texts of a record's value, or of values that stand together: item by item."""
        cdef Value *value = &self.program.values[first]
        cdef Place place
        cdef int v, done
        self.forget_steps()
        self.start(&place, value.over, True)
        if not place.count:
            return 0
        for v in range(value.width):
            self.add_steps(self.program.values[first + v].text, False, &place, -1)
            self.value_end[v] = self.n_steps
        for place.index in range(place.count):
            place.at = place.index
            if value.over >= 0:
                self.look_at_item(&place)
            done = 0
            for v in range(value.width):
                # Values of the same item may be used already.
                self.n_entries += 1
                self.put_value(&self.program.values[first + v], self.steps + done, self.value_end[v] - done, &place)
                self.entries[self.n_entries] = self.texts.used
                done = self.value_end[v]
        return 0

    @cython.final
    cdef inline int put_value(self, Value *value, const Step *steps, int n_steps, Place *place) except -1:
        cdef Message *message = &self.messages[self.n_messages]
        cdef Buffer *out = &message.text if value.digest else &self.texts
        cdef size_t start = 0 if value.digest else self.texts.used
        out.used = start
        self.put_steps(out, steps, n_steps, self.scratch.data, place)
        self.finish_value(value, out, start)
        if value.digest:
            reserve(out, SHA256_PADDING)
            message.hash.text = <const uint8_t *>out.data
            message.hash.n_blocks = sha256_pad(<uint8_t *>out.data, out.used)
            message.start, message.digest = self.texts.used, value.digest
            reserve(&self.texts, value.digest)
            self.texts.used += value.digest
            self.n_messages += 1
            if self.n_messages == 2 or value.is_used:
                self.hash_messages()
        if self.texts.used > UINT32_MAX:
            raise OverflowError("the values take more than 4 GiB")
        return 0

    @cython.final
    cdef inline void finish_value(self, const Value *value, Buffer *out, size_t start) noexcept:
        cdef size_t i, length = out.used - start
        if value.translated:
            for i in range(start, out.used):
                out.data[i] = <char>value.translation[<uint8_t>out.data[i]]
        if value.limit and length > value.limit:
            out.used = start + value.limit
            memcpy(out.data + out.used - value.ellipsis.length, value.ellipsis.data, value.ellipsis.length)

    @cython.final
    cdef void hash_messages(self) noexcept:
        """Put the digests of the texts that wait for it into the values."""
        cdef int i
        if self.n_messages:
            sha256_hash(SHA256, &self.messages[0].hash, &self.messages[1].hash if self.n_messages == 2 else NULL)
        for i in range(self.n_messages):
            sha256_base32(
                self.messages[i].hash.state, self.texts.data + self.messages[i].start, self.messages[i].digest
            )
        self.n_messages = 0

    @cython.final
    cdef Py_ssize_t entry(self, int v, Place *place) except -1:
        """Where a value's text is: the number of its entry."""
        cdef int over = self.program.values[v].over
        cdef Py_ssize_t width = self.program.values[v].width
        if over < 0:
            return self.value_at[v]
        if over == place.each:
            return self.value_at[v] + place.index * width
        # Another list of the same items, mostly in the same order.
        cdef PyObject *items = self.items(over)
        cdef PyObject *item = self.item(place)
        cdef Py_ssize_t i = self.cursor[over], tried, n = PyTuple_GET_SIZE(items)
        for tried in range(n):
            if i >= n:
                i = 0
            if PyTuple_GET_ITEM(items, i) == item:
                self.cursor[over] = i + 1
                return self.value_at[v] + i * width
            i += 1
        raise ValueError("an item is not in the list that its value is over")

    @cython.final
    cdef void cursor_to_start(self) noexcept:
        cdef int i
        for i in range(self.program.n_lists):
            self.cursor[i] = 0

    # ---- Templates.

    @cython.final
    cdef void forget_steps(self) noexcept:
        self.n_steps = 0
        self.scratch.used = 0

    @cython.final
    cdef int add_steps(self, Template template, bint fused, const Place *place, int by) except -1:
        """Write what the template says of the record into the scratch buffer, and list the steps for each item.

        With `fused` the template goes on where the last one ended. Entries are told by the item's place in its list, or
        by that of its value `by`, so that the steps may be the same for other records.
        """
        cdef int each = place.each
        cdef int o
        cdef Operation *operation
        cdef Step *step
        cdef Value *value
        cdef bint goes_on = fused and self.n_steps and self.steps[self.n_steps - 1].kind == TEXT
        for o in range(template.first, template.last):
            operation = &self.program.operations[o]
            if operation.of_item or not goes_on:
                step = &self.steps[self.n_steps]
                self.n_steps += 1
                step.kind, step.start, step.length, step.operation = TEXT, self.scratch.used, 0, NULL
            if not operation.of_item:
                self.put_of_record(&self.scratch, operation)
                step = &self.steps[self.n_steps - 1]
                step.length = self.scratch.used - step.start
            elif operation.kind == VALUE and self.same_items(self.program.values[operation.argument].over, each) and (
                by < 0 or self.program.values[operation.argument].first == self.program.values[by].first
            ):
                value = &self.program.values[operation.argument]
                step.kind = ENTRY
                step.start = self.value_at[operation.argument] if by < 0 else <size_t>(operation.argument - by)
                step.length = value.width if by < 0 else 1
            elif operation.kind == ITEM and by < 0 and 0 <= operation.argument < place.n_texts:
                step.kind, step.start = OWN, operation.argument
            elif operation.kind == LOOKUP and by < 0:
                step.kind, step.start, step.length = ENTRY, self.lookup_at[operation.argument], 1
                if self.program.lookup_by[operation.argument]:
                    # From the number of all items down.
                    step.start += self.counts[self.current * self.program.n_lists + each]
                    step.length = <size_t>-1
            else:
                step.kind, step.operation = operation.kind, operation
            goes_on = not operation.of_item
        return 0

    @cython.final
    cdef inline bint same_items(self, int one, int other) noexcept:
        """Whether two lists of the record are the same one."""
        cdef const uint8_t *same = self.same + self.current * self.program.n_lists
        return same[one] == same[other]

    @cython.final
    cdef inline int put_steps(
        self, Buffer *out, const Step *steps, int n_steps, const char *scratch, Place *place
    ) except -1:
        cdef const Step *step = steps
        cdef const Step *last = steps + n_steps
        cdef const char *text
        cdef size_t length
        cdef const uint32_t *entry
        cdef char *to = out.data + out.used
        cdef const char *end = out.data + out.size - PADDING
        while step != last:
            if step.kind == TEXT:
                text, length = scratch + step.start, step.length
            elif step.kind == ENTRY:
                entry = self.entries + (step.start + place.at * step.length)
                text, length = self.texts.data + entry[0], entry[1] - entry[0]
            elif step.kind == OWN:
                text, length = place.texts[step.start].data, place.texts[step.start].length
                if <Py_ssize_t>length <= end - to:
                    copy_before(<const char *>place.end, to, text, length)
                    to += length
                    step += 1
                    continue
            else:
                out.used = to - out.data
                step = self.other_step(out, steps, step, place)
                to, end = out.data + out.used, out.data + out.size - PADDING
                continue
            if <Py_ssize_t>length > end - to:
                # The text may be in the same buffer, which moves: come again.
                out.used = to - out.data
                reserve(out, length)
                to, end = out.data + out.used, out.data + out.size - PADDING
                continue
            copy_padded(to, text, length)
            to += length
            step += 1
        prefetch_output(to, to - out.data - out.used)
        out.used = to - out.data
        return 0

    @cython.final
    cdef const Step *other_step(self, Buffer *out, const Step *steps, const Step *step, Place *place) except NULL:
        """Take a step that is none of the frequent ones; the step after it."""
        if step.kind != LINE:
            self.put_of_item(out, <Operation *>step.operation, place)
        elif not self.begin_line(out, <const Line *>step.operation, place):
            return steps + step.start
        return step + 1

    @cython.final
    cdef bint begin_line(self, Buffer *out, const Line *line, Place *place) except -1:
        """Whether the line holds for the item; then what stands before it is written."""
        if (line.item_when or line.item_unless) and not self.item_holds(self.item(place), line):
            return False
        if self.written:
            put_text(out, self.separator)
        self.written += 1
        return True

    @cython.final
    cdef int put_of_record(self, Buffer *out, Operation *operation) except -1:
        if operation.kind == LITERAL:
            return put_text(out, operation.text)
        if operation.kind == FIELD:
            return put_object(out, PyTuple_GET_ITEM(self.record, operation.argument))
        if operation.kind == VALUE:
            return self.put_entry(out, self.value_at[operation.argument])
        return self.put_join(out, &self.program.joins[operation.argument])

    @cython.final
    cdef inline int put_entry(self, Buffer *out, size_t entry) except -1:
        cdef size_t start = self.entries[entry], length = self.entries[entry + 1] - start
        # Before the text is looked at: it may be in the same buffer.
        reserve(out, length)
        return put_padded(out, self.texts.data + start, length)

    @cython.final
    cdef int put_of_item(self, Buffer *out, Operation *operation, Place *place) except -1:
        cdef PyObject *value
        cdef Py_ssize_t number
        if operation.kind == ITEM:
            if operation.argument >= 0 and operation.argument < place.n_texts:
                return put_text(out, place.texts[operation.argument])
            value = self.item(place)
            if operation.argument >= 0:
                value = self.item_field(value, operation.argument)
            return put_object(out, value)
        if operation.kind == VALUE:
            return self.put_entry(out, self.entry(operation.argument, place))
        if operation.kind == INDEX:
            return put_number(out, place.count - place.index if operation.argument else place.index)
        number = place.count - place.index if self.program.lookup_by[operation.argument] else place.index
        return self.put_entry(out, self.lookup_at[operation.argument] + number)

    @cython.final
    cdef inline PyObject *item_field(self, PyObject *item, int field) except NULL:
        if not PyTuple_Check(item) or field >= PyTuple_GET_SIZE(item):
            raise ValueError(f"an item has no field {field}")
        return PyTuple_GET_ITEM(item, field)

    @cython.final
    cdef bint item_holds(self, PyObject *item, const Line *line) except -1:
        cdef uint64_t tests = line.item_when | line.item_unless
        cdef int field = 0
        while tests:
            if tests & 1:
                if is_true(self.item_field(item, field)) != <int>(line.item_when >> field & 1):
                    return False
            tests >>= 1
            field += 1
        return True

    @cython.final
    cdef int put_join(self, Buffer *out, JoinSpec *join) except -1:
        cdef Place place
        cdef Operation *operation
        cdef char *to
        cdef int o
        self.cursor_to_start()
        self.start(&place, join.each, True)
        for place.index in range(place.count):
            self.look_at_item(&place)
            # Room for what is written without asking: literals, the item's own texts and numbers.
            reserve(out, join.most)
            to = out.data + out.used
            if place.index:
                to = append_short(to, join.separator.data, join.separator.length)
            for o in range(join.text.first, join.text.last):
                operation = &self.program.operations[o]
                if operation.kind == LITERAL:
                    to = append_short(to, operation.text.data, operation.text.length)
                elif operation.kind == ITEM and 0 <= operation.argument < place.n_texts:
                    to = append_short(to, place.texts[operation.argument].data, place.texts[operation.argument].length)
                elif operation.kind == INDEX:
                    to += write_decimal(to, place.count - place.index if operation.argument else place.index)
                else:
                    out.used = to - out.data
                    if operation.of_item:
                        self.put_of_item(out, operation, &place)
                    else:
                        self.put_of_record(out, operation)
                    reserve(out, join.most)
                    to = out.data + out.used
            out.used = to - out.data
        return 0
