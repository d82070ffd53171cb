# A `kcompile.targets.program.Program` in C arrays. A part of emit.pyx.

from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    LITERAL = 0
    FIELD = 1
    ITEM = 2
    INDEX = 3
    LOOKUP = 4
    VALUE = 5
    JOIN = 6
    MAX_FIELDS = 64
    MOST_OF_TEXT = 255  # bytes that an item's text has which is read from its list
    MOST_DIGITS = 20

cdef struct Operation:
    int kind
    int argument
    bint of_item
    Text text

cdef struct Template:  # a range of operations
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
    bint of_items  # whether the items are looked at, and not only their values
    int first
    int last

cdef struct Section:
    int order_by
    bint by_item
    uint64_t fields  # of the record that are looked at
    bint omit_empty
    Text separator
    int first
    int last

cdef struct ItemList:
    int field
    int width

cdef struct Value:
    int over
    int first  # of the values next to it that are over the same list, and how many there are
    int width
    Template text
    int digest
    bint is_used  # by values after it
    size_t limit
    Text ellipsis
    bint translated
    uint8_t translation[256]

cdef struct JoinSpec:
    int each
    Template text
    Text separator
    size_t most  # that an item takes, without what is of unknown length


@cython.final
cdef class _Program:
    """A `Program` in C arrays, every position checked."""

    cdef _Arrays arrays
    cdef object source
    cdef int width, n_lists, n_values, n_joins, n_lookups, n_sections
    cdef int n_operations, n_lines, n_rows, widest_row
    cdef Operation *operations
    cdef Line *lines
    cdef Row *rows
    cdef Section *sections
    cdef ItemList *lists
    cdef Value *values
    cdef JoinSpec *joins
    cdef int *lookup_by
    cdef uint64_t fields_of_values

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
        self.lines = <Line *>self.arrays.take(len(lines), sizeof(Line))
        self.rows = <Row *>self.arrays.take(len(rows), sizeof(Row))
        self.sections = <Section *>self.arrays.take(self.n_sections, sizeof(Section))
        self.lists = <ItemList *>self.arrays.take(self.n_lists, sizeof(ItemList))
        self.values = <Value *>self.arrays.take(self.n_values, sizeof(Value))
        self.joins = <JoinSpec *>self.arrays.take(self.n_joins, sizeof(JoinSpec))
        self.lookup_by = <int *>self.arrays.take(self.n_lookups, sizeof(int))
        self.position(self.n_lists, MAX_FIELDS + 1, "list")
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
            self.joins[i].most = len(join.separator) + sum([self.most_of(kind, argument) for kind, argument in join.operations])
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
            if value.over >= 0:
                self.fields_of_values |= self.field_of_list(value.over)
            # A value may use those before it, and no inline lists.
            value.text = self.template(source.operations, value.over, 0, i)
            self.fields_of_values |= self.fields_of(source.operations)
            for kind, argument in source.operations:
                if kind == VALUE:
                    self.values[argument].is_used = True
            value.digest = self.position(source.digest, SHA256_BASE32_LENGTH + 1, "digest")
            value.limit = source.limit
            value.ellipsis = text_of(source.ellipsis)
            if value.limit and value.ellipsis.length > value.limit:
                raise ValueError("an ellipsis is longer than its limit")
            value.translated = bool(source.replace)
            for byte, to in enumerate(bytes.maketrans(source.replace[::2], source.replace[1::2])):
                value.translation[byte] = to
        self.group_values()
        return 0

    cdef void group_values(self):
        """Values over the same list that are defined one after the other stand together, item by item."""
        cdef int v, last
        cdef Value *value
        for v in range(self.n_values):
            value = &self.values[v]
            value.first = v
            if v and value.over >= 0 and self.values[v - 1].over == value.over:
                value.first = self.values[v - 1].first
        last = self.n_values
        for v in reversed(range(self.n_values)):
            self.values[v].width = last - self.values[v].first
            if self.values[v].first == v:
                last = v

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
            if self.rows[self.n_rows].of_items:
                section.fields |= self.field_of_list(row.each)
            for line in row.lines:
                section.fields |= self.fields_of(line.operations)
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
            row.of_items |= line.item_when or line.item_unless or any([kind == ITEM for kind, _ in given.operations])
            self.n_lines += 1
        row.last = self.n_lines
        self.widest_row = max(self.widest_row, row.last - row.first)
        return 0

    cdef size_t most_of(self, int kind, argument) except? 0xffffffff:
        """The length of a literal, and the greatest one of an item's own text or of a number."""
        if kind == LITERAL:
            return len(argument)
        return MOST_OF_TEXT if kind == ITEM else MOST_DIGITS

    cdef uint64_t mask(self, positions, int end) except? 0xffffffffffffffff:
        cdef uint64_t mask = 0
        for position in positions:
            mask |= <uint64_t>1 << self.position(position, end, "condition")
        return mask

    cdef uint64_t field_of_list(self, int number) except? 0:
        return <uint64_t>1 << self.lists[number].field

    cdef uint64_t fields_of(self, operations) except? 0:
        """The fields that operations look at, those of inline lists included."""
        cdef uint64_t fields = 0
        for kind, argument in operations:
            if kind == FIELD:
                fields |= <uint64_t>1 << argument
            elif kind == JOIN:
                fields |= self.field_of_list(self.joins[argument].each)
        return fields

    cdef Template template(self, operations, int each, int joins, int values) except *:
        cdef Template template
        cdef Operation *operation
        template.first = self.n_operations
        for kind, argument in operations:
            operation = &self.operations[self.n_operations]
            operation.kind = self.position(kind, JOIN + 1, "operation")
            operation.of_item = self.read_operation(operation, argument, each, joins, values)
            self.n_operations += 1
        template.last = self.n_operations
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
