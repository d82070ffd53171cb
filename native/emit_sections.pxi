# Sections: which lines are written, and where they stand. A part of emit.pyx.
#
# Where items are sorted, they are noted first, with the steps that write them, and written when their turn comes.

from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset

cdef extern from "emit.h":
    ctypedef struct Block:
        uint64_t prefix
        uint32_t entry
        uint32_t number
    ctypedef struct Keys:
        const char *text
        const uint32_t *starts
    void sort_blocks(Block *blocks, Block *spare, size_t count, const Keys *keys) noexcept
    void prefetch_text(const char *text, size_t length) noexcept

cdef enum:
    MOST_RESERVED = 1 << 28  # bytes: a guess may be wrong
    AHEAD = 20  # how many items ahead their texts are asked for
    RECENT = 4  # shapes that a new one is compared with

cdef struct Run:  # items of a list one after the other that are to be sorted: the entry of the first one's key
    uint32_t record
    uint32_t index
    uint32_t count
    uint32_t entry
    uint32_t shape

cdef struct Shape:  # how items are written: the steps follow, then what they take from the scratch buffer
    Row *row
    size_t lines  # that every item has
    size_t n_steps
    size_t of_record  # whether a step looks at the item or its record

cdef struct Stretch:  # of a text: from `start` to `end`; or the item whose lines it holds
    size_t record
    size_t entry
    size_t start
    size_t end


cdef class _Sections(_Records):
    """Writes sections into one growing bytes object, which is the result."""

    cdef Buffer output
    # The lines that hold, and how they are written for an item.
    cdef int *active
    cdef uint32_t **orders  # for each value of records that sorts them
    cdef uint32_t *chosen  # the records that a section is written for, in its order
    # Where the records of a section begin in the text, and the items of one that is sorted by them, if that is kept.
    cdef bint keep
    cdef size_t *kept_starts
    cdef Stretch *kept_items
    cdef size_t n_kept_items
    # The items of a section as they come up, and their shapes; and in their order, each with the number of its run.
    cdef int order_by  # the value that sorts the section's items, or -1
    cdef Buffer runs, shapes
    cdef Stretch recent[RECENT]
    cdef int next_recent
    cdef Block *sorted
    cdef size_t n_sorted
    cdef Buffer sorted_runs
    cdef Place noted  # the item that is being written

    def __init__(self, _Program program, tuple records):
        _Records.__init__(self, program, records)
        self.active = <int *>self.arrays.take(program.widest_row, sizeof(int))
        self.chosen = <uint32_t *>self.arrays.take(len(records), sizeof(uint32_t))
        self.orders = <uint32_t **>self.arrays.take(program.n_values, sizeof(uint32_t *))
        open_buffer(&self.output, 4096)
        open_buffer(&self.runs, 0)
        open_buffer(&self.sorted_runs, 0)
        open_buffer(&self.shapes, 4096)

    def __dealloc__(self):
        close_buffer(&self.output)
        self.close()

    @cython.final
    cdef int make_room(self) except -1:
        """Guess from some records how long the text will be, so that it need not move as it grows."""
        cdef size_t n = len(self.records), i, k
        cdef int s
        cdef Run *run
        if n <= SAMPLE:
            return 0
        for s in range(self.program.n_sections):
            self.open_section(&self.program.sections[s], b"")
            for k in range(SAMPLE):
                self.put_record(&self.program.sections[s], k * n // SAMPLE)
            for i in range(self.runs.used // sizeof(Run)):
                run = <Run *>self.runs.data + i
                for k in range(run.count):
                    self.put_noted(run, run.entry + k * self.program.values[self.order_by].width)
        k = self.output.used
        self.output.used = 0
        return reserve(&self.output, min(scaled(k, SAMPLE, n), MOST_RESERVED))

    @cython.final
    cdef int put_section(self, Section *section, head, tail) except -1:
        cdef size_t begin = self.output.used
        cdef size_t k, n
        self.open_section(section, head)
        self.kept_starts, self.kept_items, self.n_kept_items = NULL, NULL, 0
        if section.by_item:
            self.put_sorted(section)
        elif section.first < section.last:
            n = self.choose(section)
            if self.keep:
                self.kept_starts = <size_t *>self.arrays.take(n + 1, sizeof(size_t))
            for k in range(n):
                self.ask_ahead(section.fields, self.chosen, k, n)
                self.ask_for_values(self.chosen, k, n)
                if self.keep:
                    self.kept_starts[k] = self.output.used
                self.put_record(section, self.chosen[k])
            if self.keep:
                self.kept_starts[n] = self.output.used
        return self.close_section(section, tail, begin)

    @cython.final
    cdef size_t choose(self, Section *section) except? 0:
        """Put the records that may have lines in a section into `chosen`, in its order; how many there are.

        Of a section that is kept, they are all: it may have lines of theirs for another node.
        """
        cdef const uint32_t *order = NULL
        cdef size_t i, k, count = 0
        cdef uint64_t truth = 0
        cdef bint chosen = self.keep or self.has_lines(section, truth)
        if section.order_by >= 0 and not section.by_item:
            order = self.record_order(section.order_by)
        for k in range(len(self.records)):
            i = order[k] if order != NULL else k
            if self.truths[i] != truth:
                # Most records are like the one before.
                truth = self.truths[i]
                chosen = self.keep or self.has_lines(section, truth)
            if chosen:
                self.chosen[count] = i
                count += 1
        return count

    @cython.final
    cdef inline bint has_lines(self, const Section *section, uint64_t truth) noexcept:
        cdef int r
        for r in range(section.first, section.last):
            if self.lines_that_hold(&self.program.rows[r], truth):
                return True
        return False

    @cython.final
    cdef int open_section(self, Section *section, head) except -1:
        self.written, self.separator = 0, section.separator
        self.order_by = section.order_by if section.by_item else -1
        self.runs.used = self.shapes.used = 0
        memset(self.recent, 0, sizeof(self.recent))
        return put_text(&self.output, text_of(head))

    @cython.final
    cdef int close_section(self, Section *section, tail, size_t begin) except -1:
        if self.written or not section.omit_empty:
            return put_text(&self.output, text_of(tail))
        self.output.used = begin
        return 0

    @cython.final
    cdef int put_record(self, Section *section, Py_ssize_t i) except -1:
        """Write the record's lines, or note its items if they are to be sorted."""
        cdef bint entered = False
        cdef int r, active
        for r in range(section.first, section.last):
            active = self.lines_that_hold(&self.program.rows[r], self.truths[i])
            if active:
                if not entered:
                    self.enter(i)
                    entered = True
                self.put_row(section, &self.program.rows[r], active)
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
    cdef int put_row(self, Section *section, Row *row, int active) except -1:
        """Write the lines in `active`, once or for each item; or note the items."""
        cdef Place place
        cdef Line *line
        cdef Step *step
        cdef int a
        cdef uint32_t shape = 0
        cdef bint fused = not section.separator.length
        for a in range(active):
            line = &self.program.lines[self.active[a]]
            fused = fused and not line.item_when and not line.item_unless
        self.forget_steps()
        self.start(&place, row.each, row.of_items)
        for a in range(active):
            line = &self.program.lines[self.active[a]]
            step = &self.steps[self.n_steps]
            if not fused:
                step.kind, step.length, step.operation = LINE, 0, line
                self.n_steps += 1
            self.add_steps(line.text, fused, &place, self.order_by)
            if not fused:
                step.start = self.n_steps
        if section.by_item:
            shape = self.shape(row, active if fused else 0)
            if fused and self.same_items(self.program.values[self.order_by].over, row.each):
                return self.note(0, place.count, self.value_at[self.order_by], shape)
        self.cursor_to_start()
        for place.index in range(place.count):
            place.at = place.index
            if row.of_items:
                self.look_at_item(&place)
            if section.by_item:
                if self.any_holds(active, &place):
                    self.note(place.index, 1, self.entry(self.order_by, &place), shape)
            else:
                self.put_steps(&self.output, self.steps, self.n_steps, self.scratch.data, &place)
                self.written += active if fused else 0
        return 0

    # ---- Sections in the order of items.

    @cython.final
    cdef int put_sorted(self, Section *section) except -1:
        cdef size_t i, start
        cdef const Run *run
        self.note_items(section)
        if self.keep:
            self.kept_items = <Stretch *>self.arrays.take(self.n_sorted, sizeof(Stretch))
            self.n_kept_items = self.n_sorted
        for i in range(self.n_sorted):
            self.ask_for_sorted(i)
            start = self.output.used + (self.separator.length if self.written else 0)
            run = self.run_of(i)
            self.put_noted(run, self.sorted[i].entry)
            if self.keep:
                self.kept_items[i].record, self.kept_items[i].entry = run.record, self.sorted[i].entry
                self.kept_items[i].start, self.kept_items[i].end = start, self.output.used
        return 0

    @cython.final
    cdef int note_items(self, Section *section) except -1:
        """Note the items that have lines in a section, and sort them."""
        cdef size_t k, n = self.choose(section)
        for k in range(n):
            self.ask_ahead(section.fields, self.chosen, k, n)
            self.put_record(section, self.chosen[k])
        return self.sort_noted()

    @cython.final
    cdef int note(self, uint32_t index, uint32_t count, uint32_t entry, uint32_t shape) except -1:
        cdef Run run
        run.record, run.index, run.count, run.entry, run.shape = self.current, index, count, entry, shape
        return put(&self.runs, <const char *>&run, sizeof(Run))

    @cython.final
    cdef bint any_holds(self, int active, Place *place) except -1:
        """Whether an item has any of the lines in `active`."""
        cdef int a
        for a in range(active):
            if self.item_holds(self.item(place), &self.program.lines[self.active[a]]):
                return True
        return False

    @cython.final
    cdef uint32_t shape(self, Row *row, int lines) except? 0xffffffff:
        """How the items of a row are written, by the steps and the scratch buffer: mostly like those of another record."""
        cdef Shape shape
        cdef size_t s, start = self.shapes.used, length
        cdef char *data
        cdef Stretch *other
        cdef int tried
        shape.row, shape.lines, shape.n_steps, shape.of_record = row, lines, self.n_steps, False
        for s in range(shape.n_steps):
            shape.of_record |= self.steps[s].kind != TEXT and self.steps[s].kind != ENTRY
        put(&self.shapes, <const char *>&shape, sizeof(Shape))
        put(&self.shapes, <const char *>self.steps, shape.n_steps * sizeof(Step))
        put(&self.shapes, self.scratch.data, self.scratch.used)
        length = (self.shapes.used - start + sizeof(Shape) - 1) // sizeof(Shape) * sizeof(Shape)
        reserve(&self.shapes, sizeof(Shape))
        data = self.shapes.data
        memset(data + self.shapes.used, 0, start + length - self.shapes.used)
        self.shapes.used = start + length
        for tried in range(RECENT):
            other = &self.recent[tried]
            if other.end - other.start == length and not memcmp(data + other.start, data + start, length):
                self.shapes.used = start
                return other.start // sizeof(Shape)
        self.next_recent = (self.next_recent + 1) % RECENT
        self.recent[self.next_recent].start, self.recent[self.next_recent].end = start, start + length
        return start // sizeof(Shape)

    @cython.final
    cdef int put_noted(self, const Run *run, size_t entry) except -1:
        """Write the lines of the item of a run whose key has the entry."""
        cdef const Shape *shape = <const Shape *>self.shapes.data + run.shape
        cdef const Step *steps = <const Step *>(shape + 1)
        cdef Place *place = &self.noted
        place.at = entry
        if shape.of_record:
            self.enter(run.record)
            self.cursor_to_start()
            self.start(place, shape.row.each, False)
            place.index = run.index + (entry - run.entry) // self.program.values[self.order_by].width
        self.put_steps(&self.output, steps, shape.n_steps, <const char *>(steps + shape.n_steps), place)
        self.written += shape.lines
        return 0

    @cython.final
    cdef inline const Run *run_of(self, size_t i) noexcept:
        return <const Run *>self.runs.data + self.sorted[i].number

    @cython.final
    cdef inline void ask_for_sorted(self, size_t i) noexcept:
        """In their order items lie anywhere in memory: ask for the entries of the next ones, and for their texts."""
        cdef Value *value = &self.program.values[self.order_by]
        cdef uint32_t *entries
        if i + 2 * AHEAD < self.n_sorted:
            entries = self.entries + self.sorted[i + 2 * AHEAD].entry - (self.order_by - value.first)
            prefetch(entries)
            prefetch(entries + value.width)
            entries = self.entries + self.sorted[i + AHEAD].entry - (self.order_by - value.first)
            prefetch_text(self.texts.data + entries[0], entries[value.width] - entries[0])

    @cython.final
    cdef int sort_noted(self) except -1:
        """Put the items in the order of their keys; several sections mostly have the same ones."""
        cdef size_t r, i, n = 0, n_runs = self.runs.used // sizeof(Run)
        cdef Run *runs = <Run *>self.runs.data
        cdef Run *before = <Run *>self.sorted_runs.data
        cdef bint known = self.runs.used == self.sorted_runs.used
        for r in range(n_runs):
            n += runs[r].count
            known = known and before[r].entry == runs[r].entry and before[r].count == runs[r].count
        if known:
            return 0
        self.n_sorted = 0
        free(self.sorted)
        self.sorted = NULL
        self.sorted = <Block *>allocated(2 * n * sizeof(Block))
        for r in range(n_runs):
            for i in range(runs[r].count):
                self.sorted[self.n_sorted].entry = runs[r].entry + i * self.program.values[self.order_by].width
                self.sorted[self.n_sorted].number = r
                self.n_sorted += 1
        self.sort(self.sorted, n)
        self.sorted_runs.used = 0
        return put(&self.sorted_runs, self.runs.data, self.runs.used)

    @cython.final
    cdef void sort(self, Block *blocks, size_t n) noexcept:
        """Put blocks in the order of their keys, which is stable; there is room for twice as many."""
        cdef Keys keys
        keys.text, keys.starts = self.texts.data, self.entries
        sort_blocks(blocks, blocks + n, n, &keys)

    @cython.final
    cdef uint32_t *record_order(self, int v) except NULL:
        """The records in the order of their values."""
        cdef size_t i, n = len(self.records)
        cdef Block *blocks
        if self.orders[v] == NULL:
            self.orders[v] = <uint32_t *>self.arrays.take(n, sizeof(uint32_t))
            blocks = <Block *>allocated(2 * n * sizeof(Block))
            for i in range(n):
                self.enter(i)
                blocks[i].entry, blocks[i].number = self.value_at[v], i
            self.sort(blocks, n)
            for i in range(n):
                self.orders[v][i] = blocks[i].number
            free(blocks)
        return self.orders[v]

    @cython.final
    cdef void close(self) noexcept:
        """Give back what only writing needs."""
        close_buffer(&self.runs)
        close_buffer(&self.shapes)
        close_buffer(&self.sorted_runs)
        free(self.sorted)
        self.sorted = NULL

    @cython.final
    cdef object finish(self):
        cdef object result
        _PyBytes_Resize(&self.output.bytes, self.output.used)
        result = <object>self.output.bytes
        close_buffer(&self.output)
        return result


cdef void *allocated(size_t size) except NULL:
    cdef void *memory = malloc(max(size, 1))
    if memory == NULL:
        raise MemoryError
    prefer_huge_pages(<char *>memory, size)
    return memory
