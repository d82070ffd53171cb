"""Fill in a compiled table; `kcompile.twins.emit` says the same in plain Python.

The values of all records (chain names above all) are worked out first, in one go. Then each section is written in turn
into one growing bytes object, which is the result. What a line says of its record is put together once a record, and
copied for each item. Where items are sorted, their lines are written aside and copied block by block.

Everything that is read by position is checked against its length; literals and templates are pointed to inside the
program and the records, which are held for as long as the text is being written.
"""

cimport cython
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

include "emit_buffer.pxi"
include "emit_program.pxi"

cdef extern from "sha256.h":
    ctypedef void (*sha256_block_function)(unsigned int *state, const unsigned char *block) noexcept
    sha256_block_function sha256_select(int portable) noexcept
    void sha256_base32(
        sha256_block_function block, const char *text, size_t length, char *out, int count
    ) noexcept
    int SHA256_BASE32_LENGTH

cdef extern from "emit.h":
    ctypedef struct Block:
        uint64_t prefix
        size_t entry
        size_t start
        size_t length
    ctypedef struct Keys:
        const char *text
        const size_t *starts
    uint64_t key_prefix(const char *key, size_t length) noexcept
    void sort_blocks(Block *blocks, Block *spare, size_t count, size_t *bounds, const Keys *keys) noexcept
    size_t BUCKETS
    void prefetch_items(PyObject *items, Py_ssize_t i) noexcept
    void prefetch_first_items(PyObject *items) noexcept
    void prefetch_text(const char *text, size_t length) noexcept

cdef struct Step:  # of writing an item: an operation, or for NULL a stretch of the scratch buffer
    Operation *operation
    size_t start
    size_t length

cdef struct Place:  # where an item stands
    PyObject *item
    int each
    Py_ssize_t index
    Py_ssize_t count

cdef enum:
    SAMPLE = 64  # records that tell what the rest will take
    MOST_RESERVED = 1 << 28  # bytes: a guess may be wrong

cdef inline size_t scaled(size_t size, size_t sample, size_t total) noexcept:
    """What `total` will take, when `sample` took `size`, and a little more."""
    return <size_t>(<double>size / (sample + (sample == 0)) * total * 1.06)

cdef sha256_block_function SHA256 = sha256_select(0)


@cython.final
cdef class _Filler:
    cdef _Program program
    cdef tuple records, lookups
    cdef _Arrays arrays
    # For each record: which fields are true, and where its values begin.
    cdef uint64_t *truths
    cdef size_t *value_starts
    # The start of each value in `texts`, and that of the next one.
    cdef size_t *entries
    cdef size_t n_entries
    cdef Py_ssize_t longest  # of all lists
    cdef Buffer texts, scratch, output, aside
    # The record that is being written.
    cdef PyObject *record
    cdef size_t *value_at  # for each value, its first entry
    cdef Py_ssize_t *cursor  # for each list, the item that was last looked up in it
    # The lines that hold, how they are written for an item, and where the steps of each line end.
    cdef int *active
    cdef int *line_end
    cdef Step *steps
    cdef int n_steps
    cdef Block *blocks
    cdef size_t n_blocks, max_blocks
    cdef size_t *bounds
    cdef size_t **orders  # for each value of records that sorts them
    cdef size_t written  # lines of the section

    def __init__(self, _Program program, tuple records):
        self.program, self.records = program, records
        self.arrays = _Arrays()
        cdef size_t n = len(records)
        self.truths = <uint64_t *>self.arrays.take(n, sizeof(uint64_t))
        self.value_starts = <size_t *>self.arrays.take(n, sizeof(size_t))
        self.value_at = <size_t *>self.arrays.take(program.n_values, sizeof(size_t))
        self.cursor = <Py_ssize_t *>self.arrays.take(program.n_lists, sizeof(Py_ssize_t))
        self.active = <int *>self.arrays.take(program.widest_row, sizeof(int))
        self.line_end = <int *>self.arrays.take(program.widest_row, sizeof(int))
        self.orders = <size_t **>self.arrays.take(program.n_values, sizeof(size_t *))
        self.steps = <Step *>self.arrays.take(program.n_operations, sizeof(Step))
        open_buffer(&self.texts, 4096)
        open_buffer(&self.scratch, 4096)
        open_buffer(&self.output, 4096)
        open_buffer(&self.aside, 0)

    def __dealloc__(self):
        Py_XDECREF(self.texts.bytes)
        Py_XDECREF(self.scratch.bytes)
        Py_XDECREF(self.output.bytes)
        Py_XDECREF(self.aside.bytes)
        free(self.blocks)

    # ---- The records and their values.

    cdef int prepare(self) except -1:
        cdef Py_ssize_t i, n = len(self.records)
        cdef size_t total = 0
        cdef int v
        for i in range(n):
            self.value_starts[i] = total
            total += self.check_record(i)
        self.lookups = tuple([self.texts_of(lookup.text) for lookup in self.program.source.lookups])
        self.entries = <size_t *>self.arrays.take(total + 1, sizeof(size_t))
        for i in range(n):
            self.enter(i)
            for v in range(self.program.n_values):
                self.put_values(v)
            if i + 1 == SAMPLE:
                reserve(&self.texts, scaled(self.texts.used, self.n_entries, total))
        self.entries[self.n_entries] = self.texts.used
        return 0

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
            self.longest = max(self.longest, PyTuple_GET_SIZE(self.items(number)))
        for number in range(self.program.n_values):
            count += self.values_of(number)
        return count

    cdef tuple texts_of(self, text):
        """A lookup's text for every place that an item can have."""
        return tuple([text(number).encode() for number in range(self.longest + 1)])

    cdef inline Py_ssize_t values_of(self, int value) noexcept:
        """How many texts a value has in the current record."""
        cdef int over = self.program.values[value].over
        return 1 if over < 0 else PyTuple_GET_SIZE(self.items(over))

    cdef inline PyObject *items(self, int number) noexcept:
        return PyTuple_GET_ITEM(self.record, self.program.lists[number].field)

    cdef int enter(self, Py_ssize_t i) noexcept:
        """Make a record the current one."""
        cdef int v
        cdef size_t at = self.value_starts[i]
        self.record = PyTuple_GET_ITEM(<PyObject *>self.records, i)
        for v in range(self.program.n_values):
            self.value_at[v] = at
            at += self.values_of(v)
        return 0

    cdef int put_values(self, int v) except -1:
        """Work out the texts of one value of the current record."""
        cdef Value *value = &self.program.values[v]
        cdef Place place
        cdef size_t start
        self.forget_steps()
        self.add_steps(value.text, False)
        place.each = value.over
        place.count = self.values_of(v)
        if value.over >= 0:
            prefetch_first_items(self.items(value.over))
        for place.index in range(place.count):
            place.item = NULL
            if value.over >= 0:
                prefetch_items(self.items(value.over), place.index)
                place.item = PyTuple_GET_ITEM(self.items(value.over), place.index)
            self.entries[self.n_entries] = start = self.texts.used
            # Values of the same item may be used already.
            self.n_entries += 1
            self.entries[self.n_entries] = start
            self.put_steps(&self.texts, 0, self.n_steps, &place)
            self.finish_value(value, start)
            self.entries[self.n_entries] = self.texts.used
        return 0

    cdef int finish_value(self, Value *value, size_t start) except -1:
        cdef size_t i, length = self.texts.used - start
        if value.translated:
            for i in range(start, self.texts.used):
                self.texts.data[i] = <char>value.translation[<uint8_t>self.texts.data[i]]
        if value.limit and length > value.limit:
            length = value.limit
            memcpy(self.texts.data + start + length - value.ellipsis.length, value.ellipsis.data, value.ellipsis.length)
        if value.digest:
            reserve(&self.texts, value.digest)
            sha256_base32(SHA256, self.texts.data + start, length, self.texts.data + start, value.digest)
            length = value.digest
        self.texts.used = start + length
        return 0

    cdef Py_ssize_t entry(self, int v, Place *place) except -1:
        """Where a value's text is: the number of its entry."""
        cdef int over = self.program.values[v].over
        if over < 0:
            return self.value_at[v]
        if over == place.each:
            return self.value_at[v] + place.index
        # Another list of the same items, mostly in the same order.
        cdef PyObject *items = self.items(over)
        cdef Py_ssize_t i = self.cursor[over], tried, n = PyTuple_GET_SIZE(items)
        for tried in range(n):
            if i >= n:
                i = 0
            if PyTuple_GET_ITEM(items, i) == place.item:
                self.cursor[over] = i + 1
                return self.value_at[v] + i
            i += 1
        raise ValueError("an item is not in the list that its value is over")

    # ---- Templates.

    cdef void forget_steps(self) noexcept:
        self.n_steps = 0
        self.scratch.used = 0

    cdef int add_steps(self, Template template, bint fused) except -1:
        """Write what the template says of the record into the scratch buffer, and list the steps for each item.

        With `fused` the template goes on where the last one ended.
        """
        cdef int o
        cdef Operation *operation
        cdef Step *step
        cdef bint goes_on = fused and self.n_steps and self.steps[self.n_steps - 1].operation == NULL
        for o in range(template.first, template.last):
            operation = &self.program.operations[o]
            if operation.of_item or not goes_on:
                step = &self.steps[self.n_steps]
                step.operation = operation if operation.of_item else NULL
                step.start, step.length = self.scratch.used, 0
                self.n_steps += 1
            if not operation.of_item:
                self.put_of_record(&self.scratch, operation)
                step = &self.steps[self.n_steps - 1]
                step.length = self.scratch.used - step.start
            goes_on = not operation.of_item
        return 0

    cdef inline int put_steps(self, Buffer *out, int first, int last, Place *place) except -1:
        cdef int s
        cdef Step *step
        for s in range(first, last):
            step = &self.steps[s]
            if step.operation == NULL:
                put(out, self.scratch.data + step.start, step.length)
            else:
                self.put_of_item(out, step.operation, place)
        return 0

    cdef int put_of_record(self, Buffer *out, Operation *operation) except -1:
        if operation.kind == LITERAL:
            return put_text(out, operation.text)
        if operation.kind == FIELD:
            return put_object(out, PyTuple_GET_ITEM(self.record, operation.argument))
        if operation.kind == VALUE:
            return self.put_entry(out, self.value_at[operation.argument])
        return self.put_join(out, &self.program.joins[operation.argument])

    cdef inline int put_entry(self, Buffer *out, size_t entry) except -1:
        cdef size_t start = self.entries[entry], length = self.entries[entry + 1] - start
        reserve(out, length)
        # After that: the text may be in the same buffer.
        copy_short(out.data + out.used, self.texts.data + start, length)
        out.used += length
        return 0

    cdef int put_of_item(self, Buffer *out, Operation *operation, Place *place) except -1:
        cdef PyObject *value
        cdef Py_ssize_t number
        if operation.kind == ITEM:
            value = place.item
            if operation.argument >= 0:
                value = self.item_field(place.item, operation.argument)
            return put_object(out, value)
        if operation.kind == VALUE:
            return self.put_entry(out, self.entry(operation.argument, place))
        if operation.kind == INDEX:
            return put_number(out, place.count - place.index if operation.argument else place.index)
        number = place.count - place.index if self.program.lookup_by[operation.argument] else place.index
        value = PyTuple_GET_ITEM(PyTuple_GET_ITEM(<PyObject *>self.lookups, operation.argument), number)
        return put(out, bytes_text(value), bytes_length(value))

    cdef inline PyObject *item_field(self, PyObject *item, int field) except NULL:
        if not PyTuple_Check(item) or field >= PyTuple_GET_SIZE(item):
            raise ValueError(f"an item has no field {field}")
        return PyTuple_GET_ITEM(item, field)

    cdef int put_join(self, Buffer *out, JoinSpec *join) except -1:
        cdef PyObject *items = self.items(join.each)
        cdef Place place
        cdef int o
        cdef Operation *operation
        self.cursor_to_start()
        place.each = join.each
        place.count = PyTuple_GET_SIZE(items)
        for place.index in range(place.count):
            place.item = PyTuple_GET_ITEM(items, place.index)
            if place.index:
                put_text(out, join.separator)
            for o in range(join.text.first, join.text.last):
                operation = &self.program.operations[o]
                if operation.of_item:
                    self.put_of_item(out, operation, &place)
                else:
                    self.put_of_record(out, operation)
        return 0

    cdef void cursor_to_start(self) noexcept:
        cdef int i
        for i in range(self.program.n_lists):
            self.cursor[i] = 0

    # ---- Sections.

    cdef int make_room(self) except -1:
        """Guess from some records how long the texts will be, so that they need not move as they grow."""
        cdef size_t n = len(self.records), all_sections = 0, one_section = 0, blocks = 0, k, size
        cdef int s
        if n <= SAMPLE:
            return 0
        for s in range(self.program.n_sections):
            self.aside.used = 0
            self.n_blocks = 0
            for k in range(SAMPLE):
                self.put_record(&self.aside, &self.program.sections[s], k * n // SAMPLE)
            size = scaled(self.aside.used, SAMPLE, n)
            all_sections += size
            if self.program.sections[s].by_item:
                one_section = max(one_section, size)
                blocks = max(blocks, scaled(self.n_blocks, SAMPLE, n))
        self.aside.used = 0
        reserve(&self.output, min(all_sections, MOST_RESERVED))
        reserve(&self.aside, min(one_section, MOST_RESERVED))
        return self.make_blocks(blocks)

    cdef int put_section(self, Section *section, head, tail) except -1:
        cdef Buffer *out = &self.aside if section.by_item else &self.output
        cdef size_t begin = self.output.used
        cdef size_t k, n = len(self.records)
        cdef size_t *order = NULL
        put_text(&self.output, text_of(head))
        self.aside.used = 0
        self.n_blocks = 0
        self.written = 0
        if section.order_by >= 0 and not section.by_item:
            order = self.record_order(section.order_by)
        if section.first < section.last:
            for k in range(n):
                self.put_record(out, section, order[k] if order != NULL else k)
        if section.by_item:
            self.put_blocks(section)
        if self.written or not section.omit_empty:
            put_text(&self.output, text_of(tail))
        else:
            self.output.used = begin
        return 0

    cdef int put_record(self, Buffer *out, Section *section, Py_ssize_t i) except -1:
        cdef bint entered = False
        cdef int r, active
        for r in range(section.first, section.last):
            active = self.lines_that_hold(&self.program.rows[r], self.truths[i])
            if active:
                if not entered:
                    self.enter(i)
                    entered = True
                self.put_row(out, section, &self.program.rows[r], active)
        return 0

    cdef inline int lines_that_hold(self, Row *row, uint64_t truth) noexcept:
        cdef int number, count = 0
        cdef Line *line
        if row.each >= 0 and not truth >> self.program.lists[row.each].field & 1:
            return 0
        for number in range(row.first, row.last):
            line = &self.program.lines[number]
            if truth & line.when == line.when and not truth & line.unless:
                self.active[count] = number
                count += 1
        return count

    cdef int put_row(self, Buffer *out, Section *section, Row *row, int active) except -1:
        """Write the lines in `active`, once or for each item."""
        cdef Place place
        cdef Line *line
        cdef int a
        cdef bint fused = not section.separator.length
        cdef size_t start, before
        for a in range(active):
            line = &self.program.lines[self.active[a]]
            fused = fused and not line.item_when and not line.item_unless
        self.forget_steps()
        for a in range(active):
            self.add_steps(self.program.lines[self.active[a]].text, fused)
            self.line_end[a] = self.n_steps
        self.cursor_to_start()
        place.item = NULL
        place.each = row.each
        place.count = 1 if row.each < 0 else PyTuple_GET_SIZE(self.items(row.each))
        for place.index in range(place.count):
            if row.each >= 0:
                prefetch_items(self.items(row.each), place.index)
                place.item = PyTuple_GET_ITEM(self.items(row.each), place.index)
            start = out.used
            before = self.written
            if fused:
                self.put_steps(out, 0, self.n_steps, &place)
                self.written += active
            else:
                self.put_lines(out, section, active, &place)
            if section.by_item and self.written > before:
                self.add_block(self.entry(section.order_by, &place), start, out.used)
        return 0

    cdef int put_lines(self, Buffer *out, Section *section, int active, Place *place) except -1:
        """Write those of the lines in `active` that hold for the item."""
        cdef Line *line
        cdef int a
        # Before a block the separator comes when the blocks are put in order.
        cdef size_t before = self.written if section.by_item else 0
        for a in range(active):
            line = &self.program.lines[self.active[a]]
            if (line.item_when or line.item_unless) and not self.item_holds(place.item, line):
                continue
            if self.written > before:
                put_text(out, section.separator)
            self.put_steps(out, self.line_end[a - 1] if a else 0, self.line_end[a], place)
            self.written += 1
        return 0

    cdef bint item_holds(self, PyObject *item, Line *line) except -1:
        cdef uint64_t tests = line.item_when | line.item_unless
        cdef int field = 0
        while tests:
            if tests & 1:
                if is_true(self.item_field(item, field)) != <int>(line.item_when >> field & 1):
                    return False
            tests >>= 1
            field += 1
        return True

    cdef int add_block(self, size_t entry, size_t start, size_t end) except -1:
        """Note a block of text, or with any other numbers something else that has a key."""
        cdef Block *block
        cdef size_t key = self.entries[entry]
        if self.n_blocks == self.max_blocks:
            self.make_blocks(2 * self.max_blocks + 256)
        block = &self.blocks[self.n_blocks]
        block.prefix = key_prefix(self.texts.data + key, self.entries[entry + 1] - key)
        block.entry = entry
        block.start = start
        block.length = end - start
        self.n_blocks += 1
        return 0

    cdef int make_blocks(self, size_t count) except -1:
        cdef Block *blocks = <Block *>realloc(self.blocks, max(count, self.n_blocks, 1) * sizeof(Block))
        if blocks == NULL:
            raise MemoryError
        self.blocks = blocks
        self.max_blocks = max(count, self.n_blocks, 1)
        return 0

    cdef int sort_by_key(self) except -1:
        cdef Block *spare = <Block *>malloc((self.n_blocks + 1) * sizeof(Block))
        cdef Keys keys
        if spare == NULL:
            raise MemoryError
        if self.bounds == NULL:
            self.bounds = <size_t *>self.arrays.take(BUCKETS + 1, sizeof(size_t))
        keys.text, keys.starts = self.texts.data, self.entries
        sort_blocks(self.blocks, spare, self.n_blocks, self.bounds, &keys)
        free(spare)
        return 0

    cdef size_t *record_order(self, int v) except NULL:
        """The records in the order of their values."""
        cdef size_t i, n = len(self.records)
        if self.orders[v] == NULL:
            for i in range(n):
                self.enter(i)
                self.add_block(self.value_at[v], i, i)
            self.sort_by_key()
            self.orders[v] = <size_t *>self.arrays.take(n, sizeof(size_t))
            for i in range(n):
                self.orders[v][i] = self.blocks[i].start
            self.n_blocks = 0
        return self.orders[v]

    cdef int put_blocks(self, Section *section) except -1:
        cdef Block *ahead
        cdef size_t i
        self.sort_by_key()
        reserve(&self.output, self.aside.used)
        for i in range(self.n_blocks):
            if i + 8 < self.n_blocks:
                ahead = &self.blocks[i + 8]
                prefetch_text(self.aside.data + ahead.start, ahead.length)
            if i:
                put_text(&self.output, section.separator)
            put(&self.output, self.aside.data + self.blocks[i].start, self.blocks[i].length)
        return 0

    cdef object finish(self):
        cdef object result
        _PyBytes_Resize(&self.output.bytes, self.output.used)
        result = <object>self.output.bytes
        Py_XDECREF(self.output.bytes)
        self.output.bytes = NULL
        return result


def fill(program, records, frames):
    cdef _Filler filler
    cdef int s
    if len(frames) != len(program.sections):
        raise ValueError("the frames must be those of the program's sections")
    filler = _Filler(_Program(program), tuple(records))
    filler.prepare()
    filler.make_room()
    for s, (head, tail) in enumerate(frames):
        filler.put_section(&filler.program.sections[s], head, tail)
    return filler.finish()
