"""Manifests from text to fields and objects; `kcompile.twins.manifest` says the same in plain Python.

The scanners (yaml_scanner.h, json_scanner.h) write the tokens of one manifest at a time into an array, and the driver
(manifest_parser.pxi) reads them by the tables of the grammar. Neither knows an error: what they are not sure of is read
in Python.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import dataclasses
from types import MappingProxyType

from kcompile.frontend import build, grammar_tables, scalars
from kcompile.frontend.events import DuplicateKey, Event, Unsure

cdef extern from "Python.h":
    # Declared anew with borrowed and owned references as they are: the stacks hold them for long.
    void Py_INCREF(object value)
    void Py_XINCREF(PyObject *value)
    void Py_XDECREF(PyObject *value)
    void Py_CLEAR(PyObject *value)
    PyObject *PyTuple_New(Py_ssize_t length) except NULL
    void PyTuple_SET_ITEM(PyObject *tuple, Py_ssize_t position, PyObject *value)
    PyObject *PyLong_FromLongLong(long long value) except NULL
    PyObject *PyUnicode_New(Py_ssize_t length, unsigned int highest) except NULL
    PyObject *PyUnicode_DecodeUTF8(const char *text, Py_ssize_t length, const char *errors) except NULL
    void *PyUnicode_1BYTE_DATA(PyObject *text)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *text)

    PyObject *PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t items) except NULL

cdef extern from "json_scanner.h":
    enum:
        MAP
        END_MAP
        LIST
        END_LIST
        KEY
        SCALAR
        VALUE
        ITEMS
        UNSURE
        NO_MEMORY
        MAX_DEPTH
        ANYWHERE
        NOT_KEPT
    ctypedef struct Token:
        const unsigned char *text
        uint32_t length
        uint32_t span
        uint32_t line
        uint32_t column
        uint8_t kind
        uint8_t plain
    ctypedef struct Frame:
        uint32_t open
    ctypedef struct Duplicate:
        const unsigned char *text
        uint32_t length
        uint32_t line
        uint32_t column
        uint32_t first_line
    ctypedef struct Scanner:
        const unsigned char *text
        const unsigned char *end
        const unsigned char *at
        const unsigned char *line_start
        uint32_t line
        bint json
        bint at_content
        bint at_end
        Frame *frames
        int depth
        int watched
        Token *tokens
        uint32_t count
        Duplicate *duplicates
        uint32_t duplicate_count
        size_t scratch_used
    void scanner_free(Scanner *scanner) noexcept nogil
    bint is_ascii(const unsigned char *text, size_t length) noexcept nogil
    const unsigned char *next_marker(const unsigned char *at, const unsigned char *end, size_t *lines) noexcept nogil
    uint64_t text_digest(const unsigned char *text, size_t length) noexcept nogil
    int json_open(Scanner *scanner) noexcept nogil
    int json_scan(Scanner *scanner, int stop) noexcept nogil
    bint json_at_end(Scanner *scanner) noexcept nogil
    const unsigned char *json_value_end(const unsigned char *at, const unsigned char *end) noexcept nogil

cdef extern from "yaml_scanner.h":
    int yaml_open(Scanner *scanner) noexcept nogil
    int yaml_scan(Scanner *scanner, int stop) noexcept nogil

include "slots.pxi"
include "grammar.pxi"
include "manifest_parser.pxi"

cdef enum:
    MANIFESTS = 129  # how many may stand in one another: no more than collections

cdef struct Manifest:
    uint32_t first  # its first token
    size_t scratch
    int depth  # of what it stands in
    int watched_before
    uint32_t named_to  # the first token that may still say its name
    uint32_t duplicates  # how many had been found before it
    uint32_t version  # the token of its apiVersion, 0 for none
    uint32_t kind


cdef class Cursor:
    """Reads the manifests of one document, one after the other. Raises `Unsure` where Python must read it.

    A manifest that has been entered stays until it is left; those in its list stand in it.
    """

    cdef Parser parser
    cdef bytes text
    cdef uint32_t line_offset
    cdef Scanner scanner
    cdef Manifest manifests[MANIFESTS]
    cdef int open
    cdef bint before_items

    def __cinit__(self, Parser parser not None, bytes text not None, bint json=False, uint32_t line_offset=0):
        self.parser = parser
        self.text = text
        self.line_offset = line_offset
        if len(text) > 0x7FFFFFFF:
            raise Unsure
        cdef Scanner *s = &self.scanner
        s.text = s.at = s.line_start = <const unsigned char *>PyBytes_AS_STRING(text)
        s.end = s.text + PyBytes_GET_SIZE(text)
        s.line = 1
        s.json = json
        check(json_open(s) if json else yaml_open(s))

    def __dealloc__(self):
        scanner_free(&self.scanner)

    cdef int scan(self, int stop) except -1:
        """VALUE or ITEMS."""
        cdef int status
        status = json_scan(&self.scanner, stop) if self.scanner.json else yaml_scan(&self.scanner, stop)
        return check(status)

    def enter(self):
        """Begin with the next manifest, of the document or of the list around it. False: there is none."""
        cdef Scanner *s = &self.scanner
        cdef Manifest *manifest = &self.manifests[self.open]
        cdef int depth = s.depth
        if self.open + 1 == MANIFESTS:
            raise Unsure
        manifest.first = s.count
        manifest.scratch = s.scratch_used
        manifest.depth = depth
        manifest.watched_before = s.watched
        manifest.named_to = s.count + 1
        manifest.duplicates = s.duplicate_count
        manifest.version = manifest.kind = 0
        s.watched = depth + 1
        self.before_items = self.scan(ANYWHERE) == ITEMS
        if s.depth < depth:
            s.watched = manifest.watched_before
            return False
        self.open += 1
        return True

    def leave(self):
        """Forget the manifest."""
        cdef Scanner *s = &self.scanner
        cdef Manifest *manifest = self.innermost()
        self.open -= 1
        s.count = manifest.first
        s.scratch_used = manifest.scratch
        s.watched = manifest.watched_before

    cdef Manifest *innermost(self) except NULL:
        if self.open == 0:
            raise RuntimeError("no manifest has been entered")
        return &self.manifests[self.open - 1]

    def read(self, str given_kind=""):
        """Read on to the end of the manifest, or up to the first of the items that its list has: then True."""
        cdef Scanner *s = &self.scanner
        cdef Manifest *manifest = self.innermost()
        cdef uint32_t count
        if not self.before_items and s.depth == manifest.depth:
            return False
        while self.before_items or self.scan(manifest.depth) == ITEMS:
            self.before_items = False
            kind = self.name(given_kind=given_kind)[1]
            if kind and not kind.endswith("List"):
                continue
            s.count -= 1
            count = s.count
            self.scan(ANYWHERE)
            if s.tokens[count].kind == LIST:
                s.frames[s.depth].open = <uint32_t>NOT_KEPT
                s.count = count
                return True
            if s.depth > manifest.depth + 1:
                self.scan(manifest.depth + 1)
            s.count = count
        return False

    def finish(self):
        """To be called after the last manifest: makes sure that nothing else follows."""
        cdef Scanner *s = &self.scanner
        if not (json_at_end(s) if s.json else s.at_content and s.at_end):
            raise Unsure

    def name(self, str given_version="", str given_kind=""):
        """(apiVersion, kind) of the manifest as far as it has been read."""
        cdef Manifest *manifest = self.innermost()
        cdef Token *tokens = self.scanner.tokens
        cdef uint32_t i = manifest.named_to, last = self.scanner.count
        while i + 1 < last and tokens[i].kind == KEY:
            if tokens[i + 1].kind == SCALAR:
                if is_text(&tokens[i], b"kind", 4):
                    manifest.kind = i + 1
                elif is_text(&tokens[i], b"apiVersion", 10):
                    manifest.version = i + 1
            elif last - i - 1 > tokens[i + 1].span > 0:
                i += tokens[i + 1].span
            else:
                break
            i += 2
        manifest.named_to = i
        version = self.token_text(&tokens[manifest.version]) if manifest.version else given_version
        kind = self.token_text(&tokens[manifest.kind]) if manifest.kind else given_kind
        return version, kind

    def fields(self, str rule not None):
        """The fields of the manifest, which has been read whole; None where the parser in Python must say more."""
        cdef Manifest *manifest = self.innermost()
        return self.parser.parse(rule, &self.scanner.tokens[manifest.first], self.scanner.count - manifest.first)

    def first(self):
        """The first event of the manifest."""
        return self.event(&self.scanner.tokens[self.innermost().first])

    def events(self):
        """The events of the manifest as far as it has been read, without the items of a list."""
        cdef uint32_t i
        return [self.event(&self.scanner.tokens[i]) for i in range(self.innermost().first, self.scanner.count)]

    def duplicates(self, bint of_all=False):
        """The keys that stood twice in what was read of the manifest, or of all that are open, since the last call."""
        cdef Scanner *s = &self.scanner
        cdef uint32_t i, first = 0 if of_all else self.innermost().duplicates
        cdef Duplicate *one
        if s.duplicate_count == first:
            return []
        found = []
        for i in range(first, s.duplicate_count):
            one = &s.duplicates[i]
            key = one.text[:one.length].decode()
            found.append(DuplicateKey(key, one.line + self.line_offset, one.column, one.first_line + self.line_offset))
        s.duplicate_count = first
        return sorted(found, key=lambda duplicate: duplicate[1:3])

    cdef object token_text(self, const Token *token):
        cdef PyObject *text = self.parser.text_of(token.text, token.length)
        result = <object>text
        Py_XDECREF(text)
        return result

    cdef object event(self, const Token *token):
        text = self.token_text(token) if token.kind == KEY or token.kind == SCALAR else ""
        return Event(token.kind, text, token.plain != 0, token.line + self.line_offset, token.column)


cdef inline bint is_text(const Token *token, const char *text, uint32_t length) noexcept:
    return token.length == length and memcmp(token.text, text, length) == 0


cdef int check(int status) except -1:
    if status == UNSURE:
        raise Unsure
    if status == NO_MEMORY:
        raise MemoryError
    return status


def value_end(bytes text not None, Py_ssize_t start):
    """Where the JSON value that begins at `start` ends, and any blanks after it."""
    cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(text)
    if not 0 <= start <= len(text):
        raise ValueError("start is outside the text")
    return json_value_end(data + start, data + len(text)) - data


def document_marker(bytes text not None, Py_ssize_t start):
    """Where the first document marker of YAML stands, from the start of a line on, and how many lines lie between."""
    cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(text)
    cdef size_t lines = 0
    if not 0 <= start <= len(text):
        raise ValueError("start is outside the text")
    return next_marker(data + start, data + len(text), &lines) - data, lines
