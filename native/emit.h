/* What emit.pyx does byte by byte: copying short texts, writing numbers, sorting blocks of text by their keys. */
#ifndef KCOMPILE_EMIT_H
#define KCOMPILE_EMIT_H

#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline char *append_short(char *to, const char *text, size_t length) {
    copy_short(to, text, length);
    return to + length;
}

/* What may be read behind a text in a buffer, and written behind a copy of it. No more than it takes: what lies behind a
 * text may have to come from memory. */
#define PADDING 64

/* The texts may overlap: then what comes behind the copy is any bytes. */
static inline void copy_padded(char *to, const char *text, size_t length) {
    memmove(to, text, 16);
    if (length <= 16) return;
    memmove(to + 16, text + 16, 16);
    if (length <= 32) return;
    memmove(to + 32, text + 32, 16);
    memmove(to + 48, text + 48, 16);
    if (length > PADDING) memmove(to + PADDING, text + PADDING, length - PADDING);
}

/* Of a text that stands in a buffer which ends at `end`. */
static inline void copy_before(const char *end, char *to, const char *text, size_t length) {
    if (end - text >= PADDING) copy_padded(to, text, length);
    else copy_short(to, text, length);
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

/* What is sorted: a number, and its key: a number that compares like the key's first eight bytes, and its entry in the
 * table of where keys start (the next entry is where it ends). */
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

static inline uint64_t key_of(const Block *block, const Keys *keys) {
    const uint32_t *start = keys->starts + block->entry;
    return key_prefix(keys->text + start[0], start[1] - start[0]);
}

/* Whether all keys begin with eight characters of base32, as digests do: then their prefixes become five bits each. */
static inline int squeeze_digests(Block *blocks, size_t count, const Keys *keys) {
    static const char in_order[] = "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    uint8_t ranks[256], other = 0;
    memset(ranks, 0x80, sizeof ranks);
    for (uint8_t i = 0; i < 32; i++) ranks[(unsigned char)in_order[i]] = i;
    for (size_t i = 0; i < count && !other; i++) {
        uint64_t prefix = key_of(&blocks[i], keys), squeezed = 0;
        for (int j = 56; j >= 0; j -= 8) {
            uint8_t rank = ranks[prefix >> j & 255];
            squeezed = squeezed << 5 | rank;
            other |= rank & 0x80;
        }
        blocks[i].prefix = squeezed << 24;
    }
    return !other;
}

#define DIGIT 11 /* bits */

static inline void put_in_buckets(Block *to, const Block *blocks, size_t count, int shift) {
    size_t ends[(1 << DIGIT) + 1] = {0};
    for (size_t i = 0; i < count; i++) ends[(blocks[i].prefix >> shift & ((1 << DIGIT) - 1)) + 1]++;
    for (size_t i = 0; i < 1 << DIGIT; i++) ends[i + 1] += ends[i];
    for (size_t i = 0; i < count; i++) to[ends[blocks[i].prefix >> shift & ((1 << DIGIT) - 1)]++] = blocks[i];
}

/* Stable. Digests scatter well: buckets for their leading bits leave little to sort. */
static inline void sort_blocks(Block *blocks, Block *spare, size_t count, const Keys *keys) {
    const int low = 64 - 2 * DIGIT, high = 64 - DIGIT;
    int digests = squeeze_digests(blocks, count, keys);
    for (size_t i = 0; i < count && !digests; i++) blocks[i].prefix = key_of(&blocks[i], keys);
    if (!digests || count < 1 << DIGIT) {
        merge_sort(blocks, spare, count, keys);
        return;
    }
    put_in_buckets(spare, blocks, count, low);
    put_in_buckets(blocks, spare, count, high);
    for (size_t first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count && !((blocks[last].prefix ^ blocks[first].prefix) >> low);) last++;
        if (last > first + 1) merge_sort(blocks + first, spare, last - first, keys);
    }
}

/* gcc 12 takes a function that only prefetches, or calls such a one, for one that does nothing, and drops its calls: not
 * with something volatile in it, be it nothing. */
static inline void prefetch(const void *place) {
    __builtin_prefetch(place);
    __asm__ volatile("");
}

static inline void prefetch_stretch(const char *text, size_t length) {
    for (size_t i = 0; i < length; i += 64) prefetch(text + i);
}

/* The output runs through memory that the kernel cleared too long ago for it to be near: ask for as much as has been
 * written just now, a page ahead. */
static inline void prefetch_output(const char *end, size_t length) {
    for (size_t i = 0; i <= length; i += 64) __builtin_prefetch(end + 4096 + i, 1);
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
