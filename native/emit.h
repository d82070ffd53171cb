/* What emit.pyx does byte by byte: copying short texts, writing numbers, sorting blocks of text by their keys. */
#ifndef KCOMPILE_EMIT_H
#define KCOMPILE_EMIT_H

#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __linux__
#endif

/* Copies of a fixed size are single instructions; two that overlap cover every length between them. */
static inline void copy_short(char *to, const char *text, size_t length) {
    if (length > 64) {
        memcpy(to, text, length);
    } else if (length > 32) {
        char first[32], last[32];
        memcpy(first, text, 32);
        memcpy(last, text + length - 32, 32);
        memcpy(to, first, 32);
        memcpy(to + length - 32, last, 32);
    } else if (length >= 16) {
        char first[16], last[16];
        memcpy(first, text, 16);
        memcpy(last, text + length - 16, 16);
        memcpy(to, first, 16);
        memcpy(to + length - 16, last, 16);
    } else if (length >= 8) {
        uint64_t first, last;
        memcpy(&first, text, 8);
        memcpy(&last, text + length - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + length - 8, &last, 8);
    } else if (length >= 4) {
        uint32_t first, last;
        memcpy(&first, text, 4);
        memcpy(&last, text + length - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + length - 4, &last, 4);
    } else if (length) {
        char first = text[0], middle = text[length / 2], last = text[length - 1];
        to[0] = first;
        to[length / 2] = middle;
        to[length - 1] = last;
    }
}

/* What may be read behind a text in a buffer, and written behind a copy of it. No more than it takes: what lies behind a
 * text may have to come from memory. */
#define PADDING 64

static inline void copy_block(char *to, const char *text, size_t length) {
    char block[PADDING]; /* the texts may overlap */
    memcpy(block, text, length);
    memcpy(to, block, length);
}

static inline void copy_padded(char *to, const char *text, size_t length) {
    if (length <= 16) copy_block(to, text, 16);
    else if (length <= 32) copy_block(to, text, 32);
    else if (length <= PADDING) copy_block(to, text, PADDING);
    else memcpy(to, text, length);
}

/* At most 20 characters. */
static inline int write_decimal(char *to, int64_t number) {
    char digits[20];
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int count = 0, length = 0;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) to[length++] = '-';
    while (count) to[length++] = digits[--count];
    return length;
}

/* What is sorted: a number, and its key: the key's first eight bytes as a number that compares like them, and its entry
 * in the table of where keys start (the next entry is where it ends). */
typedef struct {
    uint64_t prefix;
    uint32_t entry, number;
} Block;

static inline uint64_t key_prefix(const char *key, size_t length) {
    uint64_t prefix = 0;
    if (length >= 8) { /* gcc makes one load of it */
        for (size_t i = 0; i < 8; i++) prefix = prefix << 8 | (unsigned char)key[i];
        return prefix;
    }
    for (size_t i = 0; i < 8; i++) prefix = prefix << 8 | (i < length ? (unsigned char)key[i] : 0);
    return prefix;
}

static inline int compare_texts(const char *one, size_t length, const char *other, size_t other_length) {
    int order = memcmp(one, other, length < other_length ? length : other_length);
    return order ? order : (length > other_length) - (length < other_length);
}

typedef struct {
    const char *text;
    const uint32_t *starts;
} Keys;

static inline int block_after(const Block *a, const Block *b, const Keys *keys) {
    if (a->prefix != b->prefix) return a->prefix > b->prefix;
    const uint32_t *of_a = keys->starts + a->entry, *of_b = keys->starts + b->entry;
    return compare_texts(keys->text + of_a[0], of_a[1] - of_a[0], keys->text + of_b[0], of_b[1] - of_b[0]) > 0;
}

/* Stable, by merging; `spare` has room for `count` blocks. */
static void merge_sort(Block *blocks, Block *spare, size_t count, const Keys *keys) {
    if (count < 16) {
        for (size_t i = 1; i < count; i++) {
            Block moved = blocks[i];
            size_t j = i;
            for (; j && block_after(&blocks[j - 1], &moved, keys); j--) blocks[j] = blocks[j - 1];
            blocks[j] = moved;
        }
        return;
    }
    size_t half = count / 2, i = 0, j = half, k = 0;
    merge_sort(blocks, spare, half, keys);
    merge_sort(blocks + half, spare, count - half, keys);
    if (!block_after(&blocks[half - 1], &blocks[half], keys)) return;
    memcpy(spare, blocks, half * sizeof *blocks);
    while (i < half && j < count) blocks[k++] = block_after(&spare[i], &blocks[j], keys) ? blocks[j++] : spare[i++];
    memcpy(blocks + k, spare + i, (half - i) * sizeof *blocks);
}

/* Many keys are put into buckets by a byte of their prefixes, first the most significant (7), then by the next: hashed
 * names scatter well. Stable too. */
static inline void sort_blocks(Block *blocks, Block *spare, size_t count, int byte, const Keys *keys) {
    if (count < 64 || byte < 0) {
        merge_sort(blocks, spare, count, keys);
        return;
    }
    size_t ends[257] = {0};
    for (size_t i = 0; i < count; i++) ends[(blocks[i].prefix >> 8 * byte & 255) + 1]++;
    for (size_t i = 0; i < 256; i++) ends[i + 1] += ends[i];
    for (size_t i = 0; i < count; i++) spare[ends[blocks[i].prefix >> 8 * byte & 255]++] = blocks[i];
    memcpy(blocks, spare, count * sizeof *blocks);
    for (size_t i = 0, start = 0; i < 256; start = ends[i++])
        sort_blocks(blocks + start, spare + start, ends[i] - start, byte - 1, keys);
}

/* gcc 12 takes a function that only prefetches, or calls such a one, for one that does nothing, and drops its calls: not
 * with something volatile in it, be it nothing. */
static inline void prefetch(const void *place) {
    __builtin_prefetch(place);
    __asm__ volatile("");
}

static inline void prefetch_text(const char *text, size_t length) {
    prefetch(text);
    prefetch(text + length);
}

static inline void prefetch_slot(PyObject *tuple, Py_ssize_t number) {
    prefetch(&((PyTupleObject *)tuple)->ob_item[number]);
}

/* Items lie anywhere in memory: ask for the next ones in good time, and for the text that mostly comes first in them. */
static inline void prefetch_text_of_item(PyObject *item) {
    if (PyTuple_Check(item) && PyTuple_GET_SIZE(item)) prefetch_text((const char *)PyTuple_GET_ITEM(item, 0), 63);
}

static inline void prefetch_items(PyObject *items, Py_ssize_t i) {
    Py_ssize_t count = PyTuple_GET_SIZE(items);
    if (i + 8 < count) prefetch(PyTuple_GET_ITEM(items, i + 8));
    if (i + 4 < count) prefetch_text_of_item(PyTuple_GET_ITEM(items, i + 4));
}

/* The first items of a list; with `texts`, when they have arrived, their texts. */
static inline void prefetch_first_items(PyObject *items, int texts) {
    Py_ssize_t count = PyTuple_GET_SIZE(items);
    for (Py_ssize_t i = 0; i < count && i < (texts ? 4 : 8); i++) {
        PyObject *item = PyTuple_GET_ITEM(items, i);
        if (texts) prefetch_text_of_item(item);
        else prefetch(item);
    }
}

#endif
