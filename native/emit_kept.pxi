# A text that is kept, so that one which is mostly the same need not be written anew. A part of emit.pyx.

cdef extern from "emit.h":
    int compare_texts(const char *one, size_t length, const char *other, size_t other_length) noexcept

cdef struct Lines:  # where the lines of a section stand: for each record, or for each item in its order
    size_t *starts
    Stretch *items
    size_t n_items


cdef class Kept:
    """The text for one sequence of keys, of which each stands for a record."""

    cdef readonly bytes text
    cdef object source
    cdef tuple keys
    cdef _Sections base
    cdef Lines *lines

    def __init__(self, program, keys, record_of, frames):
        cdef int s
        check_frames(program, frames)
        self.source, self.keys = program, tuple(keys)
        self.base = _Sections(_Program(program), tuple([record_of(key) for key in self.keys]))
        self.lines = <Lines *>self.base.arrays.take(len(frames), sizeof(Lines))
        self.base.keep = True
        self.base.make_room()
        for s, (head, tail) in enumerate(frames):
            self.base.put_section(&self.base.program.sections[s], head, tail)
            self.lines[s].starts, self.lines[s].items = self.base.kept_starts, self.base.kept_items
            self.lines[s].n_items = self.base.n_kept_items
        self.text = self.base.finish()
        self.base.close()

    def differing(self, keys):
        """How many keys are others than those of the text."""
        cdef Py_ssize_t i, count = 0
        cdef tuple given = tuple(keys)
        if len(given) != len(self.keys):
            return max(len(given), len(self.keys))
        for i in range(len(given)):
            count += given[i] is not self.keys[i]
        return count

    def refill(self, keys, record_of, frames):
        """The text for other keys; what stands for the same ones is copied."""
        cdef tuple given = tuple(keys)
        cdef list changed
        cdef _Refill text
        check_frames(self.source, frames)
        if len(given) == len(self.keys):
            changed = [i for i in range(len(given)) if given[i] is not self.keys[i]]
            if 2 * len(changed) <= len(given):
                text = _Refill(self.base.program, tuple([record_of(given[i]) for i in changed]))
                if text.take(self, changed):
                    return text.write(frames)
        return fill(self.source, [record_of(key) for key in given], frames)


cdef class _Refill(_Sections):
    """The records that differ; the lines of the others come from the text that was kept."""

    cdef Kept kept
    cdef size_t *places  # of the records in the sequence of all
    cdef Py_ssize_t *own  # the other way round: which record stands there, or -1

    cdef bint take(self, Kept kept, list changed) except -1:
        """False if the records stand in another order than those in whose place they are."""
        cdef Py_ssize_t i, n = len(kept.keys)
        cdef int s, v
        self.kept = kept
        self.places = <size_t *>self.arrays.take(len(changed), sizeof(size_t))
        self.own = <Py_ssize_t *>self.arrays.take(n, sizeof(Py_ssize_t))
        for i in range(n):
            self.own[i] = -1
        for i in range(len(changed)):
            self.places[i] = changed[i]
            self.own[self.places[i]] = i
        for s in range(self.program.n_sections):
            v = self.program.sections[s].order_by
            if v >= 0 and not self.program.sections[s].by_item:
                for i in range(len(changed)):
                    self.enter(i)
                    kept.base.enter(self.places[i])
                    if self.compare_keys(kept.base.value_at[v], self.value_at[v]):
                        return False
        return True

    cdef bytes write(self, frames):
        cdef int s
        cdef size_t begin
        cdef Section *section
        reserve(&self.output, PyBytes_GET_SIZE(self.kept.text) + PyBytes_GET_SIZE(self.kept.text) // 16)
        for s, (head, tail) in enumerate(frames):
            section = &self.program.sections[s]
            begin = self.output.used
            self.open_section(section, head)
            if section.by_item:
                self.merge_items(section, &self.kept.lines[s])
            elif section.first < section.last:
                self.merge_records(section, self.kept.lines[s].starts)
            self.close_section(section, tail, begin)
        return self.finish()

    cdef int merge_records(self, Section *section, const size_t *starts) except -1:
        cdef size_t k = 0, last, n = len(self.kept.keys)
        cdef const uint32_t *order = NULL
        if section.order_by >= 0:
            order = self.kept.base.record_order(section.order_by)
        while k < n:
            last = k
            while last < n and self.own[order[last] if order != NULL else last] < 0:
                last += 1
            # The stretch begins with a separator, if there is something before it.
            self.copy(section, starts[k] + (section.separator.length if starts[k] > starts[0] else 0), starts[last])
            if last < n:
                self.put_record(section, self.own[order[last] if order != NULL else last])
            k = last + 1
        return 0

    cdef int merge_items(self, Section *section, const Lines *lines) except -1:
        cdef size_t i, k = 0, end
        self.note_items(section)
        for i in range(self.n_sorted):
            end = self.after(lines, k, i)
            self.copy_items(section, lines, k, end)
            self.put_noted(self.run_of(i), self.sorted[i].entry)
            k = end
        return self.copy_items(section, lines, k, lines.n_items)

    cdef size_t after(self, const Lines *lines, size_t first, size_t i) noexcept:
        """The first of the kept items, from one on, that comes after an own one."""
        cdef size_t last = first, middle, step = 1
        # Most stand near: look further and further away for one that comes after it.
        while last < lines.n_items and self.comes_before(&lines.items[last], i):
            first = last + 1
            last += step
            step *= 2
        last = min(last, lines.n_items)
        while first < last:
            middle = (first + last) // 2
            if self.comes_before(&lines.items[middle], i):
                first = middle + 1
            else:
                last = middle
        return first

    cdef bint comes_before(self, const Stretch *kept, size_t i) noexcept:
        cdef int order = self.compare_keys(kept.entry, self.sorted[i].entry)
        return order < 0 or (order == 0 and kept.record < self.places[self.run_of(i).record])

    cdef int compare_keys(self, size_t kept, size_t own) noexcept:
        cdef _Sections base = self.kept.base
        return compare_texts(
            base.texts.data + base.entries[kept],
            base.entries[kept + 1] - base.entries[kept],
            self.texts.data + self.entries[own],
            self.entries[own + 1] - self.entries[own],
        )

    cdef int copy_items(self, Section *section, const Lines *lines, size_t first, size_t last) except -1:
        """Copy a stretch of kept items without those of records that differ."""
        cdef size_t k
        cdef const Stretch *item
        while first < last:
            k = first
            while k < last and self.own[lines.items[k].record] < 0:
                k += 1
            if k > first:
                item = &lines.items[k - 1]
                self.copy(section, lines.items[first].start, item.end)
            first = k + 1
        return 0

    cdef int copy(self, Section *section, size_t begin, size_t end) except -1:
        """Copy a stretch of the text that was kept; it may be none."""
        if begin >= end:
            return 0
        if self.written:
            put_text(&self.output, section.separator)
        put(&self.output, PyBytes_AS_STRING(self.kept.text) + begin, end - begin)
        self.written += 1
        return 0
