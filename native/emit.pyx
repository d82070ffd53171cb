"""Fill in a compiled table; `kcompile.twins.emit` says the same in plain Python.

The values of all records (chain names above all) are worked out first, in one go. Then each section is written in turn
into one growing bytes object, which is the result. What a line says of its record is put together once a record, and
copied for each item. Sorted sections are written aside and copied block by block.

Everything that is read by position is checked against its length; literals and templates are pointed to inside the
program, the records and the lookups, which are held for as long as the text is being written.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

cdef extern from "Python.h":
    # Declared anew with borrowed references: nothing here is counted up and down for each access.
    int PyTuple_Check(PyObject *value)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *value)
    PyObject *PyTuple_GET_ITEM(PyObject *value, Py_ssize_t position)
    int PyUnicode_Check(PyObject *value)
    int PyUnicode_IS_COMPACT_ASCII(PyObject *value)
    void *PyUnicode_DATA(PyObject *value)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *value)
    const char *PyUnicode_AsUTF8AndSize(PyObject *value, Py_ssize_t *length) except NULL
    int PyBytes_Check(PyObject *value)
    char *bytes_text "PyBytes_AS_STRING"(PyObject *value)
    Py_ssize_t bytes_length "PyBytes_GET_SIZE"(PyObject *value)
    int PyLong_Check(PyObject *value)
    int PyBool_Check(PyObject *value)
    long long PyLong_AsLongLong(PyObject *value) except? -1
    int PyObject_IsTrue(PyObject *value) except -1
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *text, Py_ssize_t length) except NULL
    int _PyBytes_Resize(PyObject **value, Py_ssize_t length) except -1
    void Py_XDECREF(PyObject *value)

cdef extern from "sha256.h":
    ctypedef void (*sha256_block_function)(unsigned int *state, const unsigned char *block) noexcept
    sha256_block_function sha256_select(int portable) noexcept
    void sha256_base32(
        sha256_block_function block, const char *text, size_t length, char *out, int count
    ) noexcept
    int SHA256_BASE32_LENGTH

cdef extern from "emit.h":
    # A piece of text is a few dozen bytes long: shorter than a call of memcpy.
    void copy_short(char *to, const char *text, size_t length) noexcept
    int write_decimal(char *to, int64_t number) noexcept
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
    LITERAL = 0
    FIELD = 1
    ITEM = 2
    INDEX = 3
    LOOKUP = 4
    VALUE = 5
    JOIN = 6
    MAX_FIELDS = 64

cdef struct Text:  # inside a bytes object that the program holds
    const char *data
    size_t length

cdef struct Operation:
    int kind
    int argument
    Text text

cdef struct Segment:  # operations that all depend on the item, or all do not
    int first
    int last
    bint of_item

cdef struct Template:
    int first
    int last

cdef struct Line:
    uint64_t when
    uint64_t unless
    uint64_t item_when
    uint64_t item_unless
    Template text

cdef struct Row:
    int each
    int first
    int last

cdef struct Section:
    int order_by
    bint by_item
    bint omit_empty
    Text separator
    int first
    int last

cdef struct ItemList:
    int field
    int width

cdef struct Value:
    int over
    Template text
    int digest
    size_t limit
    Text ellipsis
    bint translated
    uint8_t translation[256]

cdef struct JoinSpec:
    int each
    Template text
    Text separator

cdef struct Place:  # where an item stands
    PyObject *item
    int each
    Py_ssize_t index
    Py_ssize_t count

cdef struct Buffer:  # a bytes object that is still being written
    PyObject *bytes
    char *data
    size_t used
    size_t size

cdef sha256_block_function SHA256 = sha256_select(0)


cdef int open_buffer(Buffer *buffer, size_t size) except -1:
    buffer.bytes = new_bytes(NULL, size)
    buffer.data = bytes_text(buffer.bytes)
    buffer.used = 0
    buffer.size = size
    return 0


cdef int grow(Buffer *buffer, size_t length) except -1:
    cdef size_t size = buffer.size + buffer.size // 2 + length + 64
    buffer.size = 0
    _PyBytes_Resize(&buffer.bytes, size)
    buffer.data = bytes_text(buffer.bytes)
    buffer.size = size
    return 0


cdef inline int reserve(Buffer *buffer, size_t length) except -1:
    if buffer.size - buffer.used < length:
        grow(buffer, length)
    return 0


cdef inline int put(Buffer *buffer, const char *text, size_t length) except -1:
    reserve(buffer, length)
    copy_short(buffer.data + buffer.used, text, length)
    buffer.used += length
    return 0


cdef inline int put_text(Buffer *buffer, Text text) except -1:
    return put(buffer, text.data, text.length)


cdef int put_object(Buffer *buffer, PyObject *value) except -1:
    cdef const char *text
    cdef Py_ssize_t length
    if PyUnicode_Check(value):
        if PyUnicode_IS_COMPACT_ASCII(value):
            return put(buffer, <const char *>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
        text = PyUnicode_AsUTF8AndSize(value, &length)
        return put(buffer, text, length)
    if PyBytes_Check(value):
        return put(buffer, bytes_text(value), bytes_length(value))
    if PyLong_Check(value) and not PyBool_Check(value):
        return put_number(buffer, PyLong_AsLongLong(value))
    raise TypeError(f"not a text: {<object>value!r}")


cdef inline int put_number(Buffer *buffer, int64_t number) except -1:
    reserve(buffer, 20)
    buffer.used += write_decimal(buffer.data + buffer.used, number)
    return 0


cdef Text text_of(value) except *:
    cdef Text text
    if not isinstance(value, bytes):
        raise TypeError(f"not bytes: {value!r}")
    text.data = PyBytes_AS_STRING(value)
    text.length = PyBytes_GET_SIZE(value)
    return text


cdef class _Arrays:
    """Memory that is freed with the object."""

    cdef list blocks

    def __cinit__(self):
        self.blocks = []

    cdef void *take(self, size_t count, size_t size) except NULL:
        cdef void *memory = calloc(count + 1, size)
        if memory == NULL:
            raise MemoryError
        self.blocks.append(<size_t>memory)
        return memory

    def __dealloc__(self):
        for memory in self.blocks:
            free(<void *><size_t>memory)


@cython.final
cdef class _Program:
    """A `Program` in C arrays, every position checked."""

    cdef _Arrays arrays
    cdef object source
    cdef int width, n_lists, n_values, n_joins, n_lookups, n_sections
    cdef int n_operations, n_segments, n_lines, n_rows, widest_row
    cdef Operation *operations
    cdef Segment *segments
    cdef Line *lines
    cdef Row *rows
    cdef Section *sections
    cdef ItemList *lists
    cdef Value *values
    cdef JoinSpec *joins
    cdef int *lookup_by

    def __init__(self, source):
        self.source = source
        self.arrays = _Arrays()
        templates = [value.operations for value in source.values] + [join.operations for join in source.joins]
        rows = [row for section in source.sections for row in section.rows]
        lines = [line for row in rows for line in row.lines]
        templates += [line.operations for line in lines]
        operations = sum([len(template) for template in templates])
        self.width = self.position(source.width, MAX_FIELDS + 1, "width")
        self.n_lists, self.n_values, self.n_joins = len(source.lists), len(source.values), len(source.joins)
        self.n_lookups, self.n_sections = len(source.lookups), len(source.sections)
        self.operations = <Operation *>self.arrays.take(operations, sizeof(Operation))
        self.segments = <Segment *>self.arrays.take(operations, sizeof(Segment))
        self.lines = <Line *>self.arrays.take(len(lines), sizeof(Line))
        self.rows = <Row *>self.arrays.take(len(rows), sizeof(Row))
        self.sections = <Section *>self.arrays.take(self.n_sections, sizeof(Section))
        self.lists = <ItemList *>self.arrays.take(self.n_lists, sizeof(ItemList))
        self.values = <Value *>self.arrays.take(self.n_values, sizeof(Value))
        self.joins = <JoinSpec *>self.arrays.take(self.n_joins, sizeof(JoinSpec))
        self.lookup_by = <int *>self.arrays.take(self.n_lookups, sizeof(int))
        for i, column in enumerate(source.lists):
            self.lists[i].field = self.position(column.field, self.width, "field of a list")
            self.lists[i].width = self.position(column.width, MAX_FIELDS + 1, "width of an item")
        for i, lookup in enumerate(source.lookups):
            self.lookup_by[i] = self.position(lookup.by, 2, "lookup")
        self.read_values(source.values)
        for i, join in enumerate(source.joins):
            self.joins[i].each = self.position(join.each, self.n_lists, "list")
            self.joins[i].text = self.template(join.operations, join.each, 0, self.n_values)
            self.joins[i].separator = text_of(join.separator)
        for i, section in enumerate(source.sections):
            self.read_section(&self.sections[i], section)

    cdef int position(self, number, int end, str what) except -1:
        if not 0 <= number < end:
            raise ValueError(f"{what} {number} is not below {end}")
        return number

    cdef int read_values(self, values) except -1:
        cdef Value *value
        for i, source in enumerate(values):
            value = &self.values[i]
            value.over = self.position(source.over, self.n_lists, "list") if source.over >= 0 else -1
            # A value may use those before it, and no inline lists.
            value.text = self.template(source.operations, value.over, 0, i)
            value.digest = self.position(source.digest, SHA256_BASE32_LENGTH + 1, "digest")
            value.limit = source.limit
            value.ellipsis = text_of(source.ellipsis)
            if value.limit and value.ellipsis.length > value.limit:
                raise ValueError("an ellipsis is longer than its limit")
            value.translated = bool(source.replace)
            for byte, to in enumerate(bytes.maketrans(source.replace[::2], source.replace[1::2])):
                value.translation[byte] = to
        return 0

    cdef int read_section(self, Section *section, source) except -1:
        section.order_by = self.position(source.order_by, self.n_values, "value") if source.order_by >= 0 else -1
        section.by_item = source.by_item
        if section.by_item and (section.order_by < 0 or self.values[section.order_by].over < 0):
            raise ValueError("items are ordered by a value of items")
        if section.order_by >= 0 and not section.by_item and self.values[section.order_by].over >= 0:
            raise ValueError("records are ordered by a value of records")
        section.omit_empty = source.omit_empty
        section.separator = text_of(source.separator)
        section.first = self.n_rows
        for row in source.rows:
            self.read_row(&self.rows[self.n_rows], row)
            self.n_rows += 1
            if section.by_item and row.each < 0:
                raise ValueError("a section of items has a line outside of them")
        section.last = self.n_rows
        return 0

    cdef int read_row(self, Row *row, source) except -1:
        cdef Line *line
        cdef int width = 0
        row.each = self.position(source.each, self.n_lists, "list") if source.each >= 0 else -1
        if row.each >= 0:
            width = self.lists[row.each].width
        row.first = self.n_lines
        for given in source.lines:
            line = &self.lines[self.n_lines]
            line.when, line.unless = self.mask(given.when, self.width), self.mask(given.unless, self.width)
            line.item_when, line.item_unless = self.mask(given.item_when, width), self.mask(given.item_unless, width)
            line.text = self.template(given.operations, row.each, self.n_joins, self.n_values)
            self.n_lines += 1
        row.last = self.n_lines
        self.widest_row = max(self.widest_row, row.last - row.first)
        return 0

    cdef uint64_t mask(self, positions, int end) except? 0xffffffffffffffff:
        cdef uint64_t mask = 0
        for position in positions:
            mask |= <uint64_t>1 << self.position(position, end, "condition")
        return mask

    cdef Template template(self, operations, int each, int joins, int values) except *:
        cdef Template template
        cdef Operation *operation
        cdef Segment *segment
        cdef bint of_item
        template.first = self.n_segments
        for kind, argument in operations:
            operation = &self.operations[self.n_operations]
            operation.kind = self.position(kind, JOIN + 1, "operation")
            of_item = self.read_operation(operation, argument, each, joins, values)
            if self.n_segments == template.first or self.segments[self.n_segments - 1].of_item != of_item:
                segment = &self.segments[self.n_segments]
                segment.first = self.n_operations
                segment.of_item = of_item
                self.n_segments += 1
            self.n_operations += 1
            self.segments[self.n_segments - 1].last = self.n_operations
        template.last = self.n_segments
        return template

    cdef bint read_operation(self, Operation *operation, argument, int each, int joins, int values) except -1:
        """Whether the operation depends on the item."""
        if operation.kind == LITERAL:
            operation.text = text_of(argument)
            return False
        if operation.kind == FIELD:
            operation.argument = self.position(argument, self.width, "field")
            return False
        if operation.kind == JOIN:
            operation.argument = self.position(argument, joins, "inline list")
            return False
        if operation.kind == VALUE:
            operation.argument = self.position(argument, values, "value")
            if self.values[argument].over < 0:
                return False
        elif operation.kind == LOOKUP:
            operation.argument = self.position(argument, self.n_lookups, "lookup")
        elif operation.kind == INDEX:
            operation.argument = self.position(argument, 2, "index")
        elif argument != -1 and each >= 0:
            operation.argument = self.position(argument, self.lists[each].width, "field of an item")
        else:
            operation.argument = -1
        if each < 0:
            raise ValueError("an operation on an item outside of a list")
        return True


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
    cdef Buffer texts, scratch, output, aside
    # The record that is being written.
    cdef PyObject *record
    cdef uint64_t truth
    cdef size_t *value_at  # for each value, its first entry
    cdef Py_ssize_t *cursor  # for each list, the item that was last looked up in it
    # What the segments of the current lines say of the record, in `scratch`.
    cdef size_t *segment_start
    cdef size_t *segment_length
    cdef int *active
    cdef Block *blocks
    cdef size_t n_blocks, max_blocks
    cdef size_t *bounds
    # How many lines the section and the record's block have.
    cdef size_t written, in_block

    def __init__(self, _Program program, tuple records, tuple lookups):
        self.program, self.records, self.lookups = program, records, lookups
        self.arrays = _Arrays()
        cdef size_t n = len(records)
        self.truths = <uint64_t *>self.arrays.take(n, sizeof(uint64_t))
        self.value_starts = <size_t *>self.arrays.take(n, sizeof(size_t))
        self.value_at = <size_t *>self.arrays.take(program.n_values, sizeof(size_t))
        self.cursor = <Py_ssize_t *>self.arrays.take(program.n_lists, sizeof(Py_ssize_t))
        self.segment_start = <size_t *>self.arrays.take(program.n_segments, sizeof(size_t))
        self.segment_length = <size_t *>self.arrays.take(program.n_segments, sizeof(size_t))
        self.active = <int *>self.arrays.take(program.widest_row, sizeof(int))
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
        self.entries = <size_t *>self.arrays.take(total + 1, sizeof(size_t))
        for i in range(n):
            self.enter(i)
            for v in range(self.program.n_values):
                self.put_values(v)
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
            self.truths[i] |= <uint64_t>PyObject_IsTrue(PyTuple_GET_ITEM(record, number)) << number
        for number in range(self.program.n_lists):
            if not PyTuple_Check(PyTuple_GET_ITEM(record, self.program.lists[number].field)):
                raise TypeError(f"field {self.program.lists[number].field} of a record is a tuple of items")
        self.record = record
        for number in range(self.program.n_values):
            count += self.values_of(number)
        return count

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
        self.truth = self.truths[i]
        for v in range(self.program.n_values):
            self.value_at[v] = at
            at += self.values_of(v)
        return 0

    cdef int put_values(self, int v) except -1:
        """Work out the texts of one value of the current record."""
        cdef Value *value = &self.program.values[v]
        cdef Place place
        cdef size_t start
        self.scratch.used = 0
        self.prepare_template(value.text)
        place.each = value.over
        place.count = self.values_of(v)
        for place.index in range(place.count):
            place.item = PyTuple_GET_ITEM(self.items(value.over), place.index) if value.over >= 0 else NULL
            self.entries[self.n_entries] = start = self.texts.used
            # Values of the same item may be used already.
            self.n_entries += 1
            self.entries[self.n_entries] = start
            self.put_template(&self.texts, value.text, &place)
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

    cdef int prepare_template(self, Template template) except -1:
        """Write into `scratch` what the template says of the record."""
        cdef int s
        for s in range(template.first, template.last):
            if not self.program.segments[s].of_item:
                self.segment_start[s] = self.scratch.used
                self.put_record_segment(&self.scratch, &self.program.segments[s])
                self.segment_length[s] = self.scratch.used - self.segment_start[s]
        return 0

    cdef int put_template(self, Buffer *out, Template template, Place *place) except -1:
        """Write a prepared template for one item."""
        cdef int s, o
        cdef Segment *segment
        for s in range(template.first, template.last):
            segment = &self.program.segments[s]
            if segment.of_item:
                for o in range(segment.first, segment.last):
                    self.put_of_item(out, &self.program.operations[o], place)
            else:
                put(out, self.scratch.data + self.segment_start[s], self.segment_length[s])
        return 0

    cdef int put_record_segment(self, Buffer *out, Segment *segment) except -1:
        cdef int o
        cdef Operation *operation
        for o in range(segment.first, segment.last):
            operation = &self.program.operations[o]
            if operation.kind == LITERAL:
                put_text(out, operation.text)
            elif operation.kind == FIELD:
                put_object(out, PyTuple_GET_ITEM(self.record, operation.argument))
            elif operation.kind == VALUE:
                self.put_entry(out, self.value_at[operation.argument])
            else:
                self.put_join(out, &self.program.joins[operation.argument])
        return 0

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
        value = PyTuple_GET_ITEM(<PyObject *>self.lookups, operation.argument)
        if number >= PyTuple_GET_SIZE(value):
            raise ValueError(f"lookup {self.program.source.lookups[operation.argument].name} has no text for {number}")
        value = PyTuple_GET_ITEM(value, number)
        return put(out, bytes_text(value), bytes_length(value))

    cdef inline PyObject *item_field(self, PyObject *item, int field) except NULL:
        if not PyTuple_Check(item) or field >= PyTuple_GET_SIZE(item):
            raise ValueError(f"an item has no field {field}")
        return PyTuple_GET_ITEM(item, field)

    cdef int put_join(self, Buffer *out, JoinSpec *join) except -1:
        cdef PyObject *items = self.items(join.each)
        cdef Place place
        cdef int s, o
        cdef Segment *segment
        self.cursor_to_start()
        place.each = join.each
        place.count = PyTuple_GET_SIZE(items)
        for place.index in range(place.count):
            place.item = PyTuple_GET_ITEM(items, place.index)
            if place.index:
                put_text(out, join.separator)
            for s in range(join.text.first, join.text.last):
                segment = &self.program.segments[s]
                if segment.of_item:
                    for o in range(segment.first, segment.last):
                        self.put_of_item(out, &self.program.operations[o], &place)
                else:
                    self.put_record_segment(out, segment)
        return 0

    cdef void cursor_to_start(self) noexcept:
        cdef int i
        for i in range(self.program.n_lists):
            self.cursor[i] = 0

    # ---- Sections.

    cdef int put_section(self, Section *section, head, tail) except -1:
        cdef Buffer *out = &self.aside if section.order_by >= 0 else &self.output
        cdef size_t begin = self.output.used
        cdef Py_ssize_t i, n = len(self.records)
        put_text(&self.output, text_of(head))
        self.aside.used = 0
        self.n_blocks = 0
        self.written = 0
        for i in range(n):
            self.put_record(out, section, i)
        if section.order_by >= 0:
            self.put_blocks(section)
        if self.written or not section.omit_empty:
            put_text(&self.output, text_of(tail))
        else:
            self.output.used = begin
        return 0

    cdef int put_record(self, Buffer *out, Section *section, Py_ssize_t i) except -1:
        cdef size_t start = out.used
        cdef bint entered = False
        cdef int r, active
        self.in_block = 0
        for r in range(section.first, section.last):
            active = self.lines_that_hold(&self.program.rows[r], self.truths[i])
            if active:
                if not entered:
                    self.enter(i)
                    entered = True
                self.put_row(out, section, &self.program.rows[r], active)
        if self.in_block and section.order_by >= 0:
            self.add_block(self.value_at[section.order_by], start, out.used)
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
        cdef PyObject *items = NULL
        cdef Place place
        cdef Line *line
        cdef int a
        cdef size_t start
        self.scratch.used = 0
        for a in range(active):
            self.prepare_template(self.program.lines[self.active[a]].text)
        self.cursor_to_start()
        place.item = NULL
        place.each = row.each
        place.count = 1
        if row.each >= 0:
            items = self.items(row.each)
            place.count = PyTuple_GET_SIZE(items)
        for place.index in range(place.count):
            if items != NULL:
                place.item = PyTuple_GET_ITEM(items, place.index)
            start = out.used
            for a in range(active):
                line = &self.program.lines[self.active[a]]
                if (line.item_when or line.item_unless) and not self.item_holds(place.item, line):
                    continue
                # Between blocks the separator comes when they are put in order.
                if self.written if section.order_by < 0 else self.in_block:
                    put_text(out, section.separator)
                self.put_template(out, line.text, &place)
                self.written += 1
                self.in_block += 1
            if section.by_item and self.in_block:
                self.add_block(self.entry(section.order_by, &place), start, out.used)
                self.in_block = 0
        return 0

    cdef bint item_holds(self, PyObject *item, Line *line) except -1:
        cdef uint64_t tests = line.item_when | line.item_unless
        cdef int field = 0
        while tests:
            if tests & 1:
                if PyObject_IsTrue(self.item_field(item, field)) != <int>(line.item_when >> field & 1):
                    return False
            tests >>= 1
            field += 1
        return True

    cdef int add_block(self, size_t entry, size_t start, size_t end) except -1:
        cdef Block *more
        cdef Block *block
        cdef size_t key = self.entries[entry]
        if self.n_blocks == self.max_blocks:
            more = <Block *>realloc(self.blocks, (2 * self.max_blocks + 256) * sizeof(Block))
            if more == NULL:
                raise MemoryError
            self.blocks = more
            self.max_blocks = 2 * self.max_blocks + 256
        block = &self.blocks[self.n_blocks]
        block.prefix = key_prefix(self.texts.data + key, self.entries[entry + 1] - key)
        block.entry = entry
        block.start = start
        block.length = end - start
        self.n_blocks += 1
        return 0

    cdef int put_blocks(self, Section *section) except -1:
        cdef Block *spare = <Block *>malloc((self.n_blocks + 1) * sizeof(Block))
        cdef Block *ahead
        cdef Keys keys
        cdef size_t i
        if spare == NULL:
            raise MemoryError
        if self.bounds == NULL:
            self.bounds = <size_t *>self.arrays.take(BUCKETS + 1, sizeof(size_t))
        keys.text, keys.starts = self.texts.data, self.entries
        sort_blocks(self.blocks, spare, self.n_blocks, self.bounds, &keys)
        free(spare)
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


def fill(program, records, frames, lookups):
    cdef _Filler filler
    cdef int s
    if len(frames) != len(program.sections) or len(lookups) != len(program.lookups):
        raise ValueError("frames and lookups must be those of the program")
    texts = tuple([tuple(lookup) for lookup in lookups])
    for lookup in texts:
        for text in lookup:
            if not isinstance(text, bytes):
                raise TypeError(f"not a lookup's text: {text!r}")
    filler = _Filler(_Program(program), tuple(records), texts)
    filler.prepare()
    for s, (head, tail) in enumerate(frames):
        filler.put_section(&filler.program.sections[s], head, tail)
    return filler.finish()
