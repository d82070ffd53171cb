# Sections: which lines are written, and where they stand. A part of emit.pyx.
#
# Where items are sorted, their lines are written aside and copied when their turn comes.

from libc.stdlib cimport free, malloc, realloc

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
    void prefetch_text(const char *text, size_t length) noexcept

cdef enum:
    MOST_RESERVED = 1 << 28  # bytes: a guess may be wrong

cdef struct Noted:  # an item: its record, the entry of its key, and where its lines stand
    size_t record
    size_t entry
    size_t start
    size_t length

cdef enum:
    AHEAD = 12  # how many items ahead their lines are asked for


cdef class _Sections(_Records):
    """Writes sections into one growing bytes object, which is the result."""

    cdef Buffer output, aside
    # The lines that hold, how they are written for an item, and where the steps of each line end.
    cdef int *active
    cdef int *line_end
    cdef size_t **orders  # for each value of records that sorts them
    cdef size_t written  # lines of the section
    # Where the records of a section begin in the text, and the items of one that is sorted by them, if that is kept.
    cdef bint keep
    cdef size_t *kept_starts
    cdef Noted *kept_items
    # The items of a section as they come up, and the entries of those that were sorted last, with their order.
    cdef Noted *noted
    cdef size_t n_noted, max_noted
    cdef size_t *sequence
    cdef size_t *sorted
    cdef size_t n_sorted

    def __init__(self, _Program program, tuple records):
        _Records.__init__(self, program, records)
        self.active = <int *>self.arrays.take(program.widest_row, sizeof(int))
        self.line_end = <int *>self.arrays.take(program.widest_row, sizeof(int))
        self.orders = <size_t **>self.arrays.take(program.n_values, sizeof(size_t *))
        open_buffer(&self.output, 4096)
        open_buffer(&self.aside, 4096)

    def __dealloc__(self):
        Py_XDECREF(self.output.bytes)
        Py_XDECREF(self.aside.bytes)
        free(self.noted)
        free(self.sequence)
        free(self.sorted)

    @cython.final
    cdef int make_room(self) except -1:
        """Guess from some records how long the texts will be, so that they need not move as they grow."""
        cdef size_t n = len(self.records), k, begin, most_aside = 0
        cdef int s
        if n <= SAMPLE:
            return 0
        for s in range(self.program.n_sections):
            begin = self.aside.used
            for k in range(SAMPLE):
                self.put_record(&self.aside, &self.program.sections[s], k * n // SAMPLE, False)
            if self.program.sections[s].by_item:
                most_aside = max(most_aside, self.aside.used - begin)
        reserve(&self.output, min(scaled(self.aside.used, SAMPLE, n), MOST_RESERVED))
        self.aside.used = 0
        reserve(&self.aside, min(scaled(most_aside, SAMPLE, n), MOST_RESERVED))
        return 0

    @cython.final
    cdef int put_section(self, Section *section, head, tail) except -1:
        cdef size_t begin = self.output.used
        cdef size_t k, n = len(self.records)
        cdef size_t *order = NULL
        put_text(&self.output, text_of(head))
        self.written = 0
        self.kept_starts, self.kept_items, self.n_noted = NULL, NULL, 0
        if section.order_by >= 0 and not section.by_item:
            order = self.record_order(section.order_by)
        if section.by_item:
            self.put_sorted(section)
        elif section.first < section.last:
            if self.keep:
                self.kept_starts = <size_t *>self.arrays.take(n + 1, sizeof(size_t))
            for k in range(n):
                if section.touches_items:
                    self.ask_ahead(order, k, n)
                if self.keep:
                    self.kept_starts[k] = self.output.used
                self.put_record(&self.output, section, order[k] if order != NULL else k, False)
            if self.keep:
                self.kept_starts[n] = self.output.used
        if self.written or not section.omit_empty:
            put_text(&self.output, text_of(tail))
        else:
            self.output.used = begin
        return 0

    @cython.final
    cdef int put_record(self, Buffer *out, Section *section, Py_ssize_t i, bint note) except -1:
        cdef bint entered = False
        cdef int r, active
        for r in range(section.first, section.last):
            active = self.lines_that_hold(&self.program.rows[r], self.truths[i])
            if active:
                if not entered:
                    self.enter(i)
                    entered = True
                self.put_row(out, section, &self.program.rows[r], active, note)
        return 0

    @cython.final
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

    @cython.final
    cdef int put_row(self, Buffer *out, Section *section, Row *row, int active, bint note) except -1:
        """Write the lines in `active`, once or for each item; or note the items."""
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
            self.add_steps(self.program.lines[self.active[a]].text, fused, row.each)
            self.line_end[a] = self.n_steps
        self.cursor_to_start()
        place.item = NULL
        place.each = row.each
        place.count = 1 if row.each < 0 else PyTuple_GET_SIZE(self.items(row.each))
        for place.index in range(place.count):
            if row.each >= 0:
                prefetch_items(self.items(row.each), place.index)
                place.item = PyTuple_GET_ITEM(self.items(row.each), place.index)
            start, before = out.used, self.written
            if fused:
                self.put_steps(out, 0, self.n_steps, &place)
                self.written += active
            else:
                # Before the lines of an item that is sorted the separator comes when its turn does.
                self.put_lines(out, section, active, &place, 0 if note else self.written)
            if note and self.written > before:
                self.note(self.entry(section.order_by, &place), start, out.used - start)
        return 0

    @cython.final
    cdef int put_lines(self, Buffer *out, Section *section, int active, Place *place, size_t before) except -1:
        """Write those of the lines in `active` that hold for the item; so many lines stand before them."""
        cdef Line *line
        cdef int a
        for a in range(active):
            line = &self.program.lines[self.active[a]]
            if (line.item_when or line.item_unless) and not self.item_holds(place.item, line):
                continue
            if before:
                put_text(out, section.separator)
            self.put_steps(out, self.line_end[a - 1] if a else 0, self.line_end[a], place)
            before += 1
            self.written += 1
        return 0

    # ---- Sections in the order of items.

    @cython.final
    cdef int put_sorted(self, Section *section) except -1:
        cdef size_t i, n = len(self.records)
        cdef Noted *item
        self.n_noted = self.aside.used = 0
        if self.max_noted == 0:
            self.max_noted = self.count_items(self.program.values[section.order_by].over) + 1
            self.noted = <Noted *>enlarged(NULL, self.max_noted * sizeof(Noted))
        for i in range(n):
            self.ask_ahead(NULL, i, n)
            self.put_record(&self.aside, section, i, True)
        self.sort_noted()
        if self.keep:
            self.kept_items = <Noted *>self.arrays.take(self.n_noted, sizeof(Noted))
        reserve(&self.output, self.aside.used)
        for i in range(self.n_noted):
            if i + 2 * AHEAD < self.n_noted:
                prefetch(&self.noted[self.sorted[i + 2 * AHEAD]])
                item = &self.noted[self.sorted[i + AHEAD]]
                prefetch_text(self.aside.data + item.start, item.length)
            if i:
                put_text(&self.output, section.separator)
            item = &self.noted[self.sorted[i]]
            if self.kept_items != NULL:
                self.kept_items[i] = item[0]
                self.kept_items[i].start = self.output.used
            put(&self.output, self.aside.data + item.start, item.length)
        return 0

    @cython.final
    cdef int note(self, size_t entry, size_t start, size_t length) except -1:
        cdef Noted *item
        if self.n_noted == self.max_noted:
            self.max_noted *= 2
            self.noted = <Noted *>enlarged(self.noted, self.max_noted * sizeof(Noted))
        item = &self.noted[self.n_noted]
        item.record, item.entry, item.start, item.length = self.current, entry, start, length
        self.n_noted += 1
        return 0

    @cython.final
    cdef int sort_noted(self) except -1:
        """Put the items in the order of their keys; several sections mostly have the same ones."""
        cdef size_t i, n = self.n_noted
        cdef bint known = n == self.n_sorted
        for i in range(n if known else 0):
            if self.sequence[i] != self.noted[i].entry:
                known = False
                break
        if known:
            return 0
        self.sequence = <size_t *>enlarged(self.sequence, n * sizeof(size_t))
        self.sorted = <size_t *>enlarged(self.sorted, n * sizeof(size_t))
        self.n_sorted = n
        for i in range(n):
            self.sequence[i] = self.noted[i].entry
        self.sort(self.sequence, n, self.sorted)
        return 0

    @cython.final
    cdef size_t count_items(self, int number) noexcept:
        """How many items a list has in all records."""
        cdef size_t i, count = 0
        for i in range(<size_t>len(self.records)):
            count += self.counts[i * self.program.n_lists + number]
        return count

    @cython.final
    cdef int sort(self, const size_t *entries, size_t n, size_t *into) except -1:
        """The numbers of entries in the order of their texts; those that are equal stay in theirs."""
        cdef Block *blocks = <Block *>malloc((2 * n + 1) * sizeof(Block))
        cdef size_t *bounds = <size_t *>calloc(BUCKETS + 1, sizeof(size_t))
        cdef size_t i, start, length
        cdef Keys keys
        if blocks == NULL or bounds == NULL:
            free(blocks)
            free(bounds)
            raise MemoryError
        for i in range(n):
            start = self.entries[entries[i]]
            length = self.entries[entries[i] + 1] - start
            blocks[i].prefix = key_prefix(self.texts.data + start, length)
            blocks[i].entry = entries[i]
            blocks[i].start = i
        keys.text, keys.starts = self.texts.data, self.entries
        sort_blocks(blocks, blocks + n, n, bounds, &keys)
        for i in range(n):
            into[i] = blocks[i].start
        free(blocks)
        free(bounds)
        return 0

    @cython.final
    cdef size_t *record_order(self, int v) except NULL:
        """The records in the order of their values."""
        cdef size_t i, n = len(self.records)
        cdef size_t *entries
        if self.orders[v] == NULL:
            self.orders[v] = <size_t *>self.arrays.take(n, sizeof(size_t))
            entries = <size_t *>self.arrays.take(n, sizeof(size_t))
            for i in range(n):
                self.enter(i)
                entries[i] = self.value_at[v]
            self.sort(entries, n, self.orders[v])
        return self.orders[v]

    @cython.final
    cdef int close(self) except -1:
        """Give back what only writing needs."""
        free(self.noted)
        free(self.sequence)
        free(self.sorted)
        self.noted, self.sequence, self.sorted = NULL, NULL, NULL
        self.max_noted = self.n_noted = self.n_sorted = 0
        Py_XDECREF(self.aside.bytes)
        self.aside.bytes = NULL
        return open_buffer(&self.aside, 0)

    @cython.final
    cdef object finish(self):
        cdef object result
        _PyBytes_Resize(&self.output.bytes, self.output.used)
        result = <object>self.output.bytes
        Py_XDECREF(self.output.bytes)
        self.output.bytes = NULL
        return result


cdef void *enlarged(void *memory, size_t size) except NULL:
    cdef void *larger = realloc(memory, max(size, 1))
    if larger == NULL:
        raise MemoryError
    prefer_huge_pages(<char *>larger, size)
    return larger
