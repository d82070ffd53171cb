/* What emit.pyx does byte by byte: copying short texts, writing numbers, sorting blocks of text by their keys. */
#ifndef KCOMPILE_EMIT_H
#define KCOMPILE_EMIT_H

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
    } else {
        for (size_t i = 0; i < length; i++) to[i] = text[i];
    }
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

/* A stretch of text, and where the key that it is sorted by stands. */
typedef struct {
    uint64_t prefix;
    size_t key, key_length, start, length;
} Block;

/* The first eight bytes of a key as a number that compares like them. */
static inline uint64_t key_prefix(const char *key, size_t length) {
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++) prefix = prefix << 8 | (i < length ? (unsigned char)key[i] : 0);
    return prefix;
}

static inline int block_after(const Block *a, const Block *b, const char *keys) {
    if (a->prefix != b->prefix) return a->prefix > b->prefix;
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(keys + a->key, keys + b->key, shorter);
    return order ? order > 0 : a->key_length > b->key_length;
}

/* Stable, by merging: `spare` has room for `count` blocks. */
static void sort_blocks(Block *blocks, Block *spare, size_t count, const char *keys) {
    if (count < 2) return;
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
    sort_blocks(blocks, spare, half, keys);
    sort_blocks(blocks + half, spare, count - half, keys);
    if (!block_after(&blocks[half - 1], &blocks[half], keys)) return;
    memcpy(spare, blocks, half * sizeof *blocks);
    while (i < half && j < count) blocks[k++] = block_after(&spare[i], &blocks[j], keys) ? blocks[j++] : spare[i++];
    memcpy(blocks + k, spare + i, (half - i) * sizeof *blocks);
}

#endif
