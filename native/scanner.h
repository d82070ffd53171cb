/* What the scanners of YAML and JSON share: the tokens of a document, open collections, and keys that stand twice.

   A scanner reads a document from its start to its end and stops where it is asked to. It never reads outside
   [text, end], of which the byte at `end` is 0, as in any bytes object. What it is not sure of it does not read: it
   says so, and the document is read in Python instead. */
#ifndef KCOMPILE_SCANNER_H
#define KCOMPILE_SCANNER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The kinds and limits of compiler/frontend/events.py. */
enum { MAP, END_MAP, LIST, END_LIST, KEY, SCALAR };
#define MAX_DEPTH 128
#define MAX_SCALAR (1 << 20)
#define MAX_TOKENS (1 << 20)
#define MAX_SIMPLE_KEY 1000
/* As a depth to stop at. */
#define ANYWHERE (MAX_DEPTH + 1)
/* No collection: the token that opened it is not kept. */
#define NOT_KEPT UINT32_MAX

/* What a scan ends with. VALUE: the value is complete. ITEMS: before the value of a key `items` of the watched map. */
enum { VALUE, ITEMS, UNSURE, NO_MEMORY };

/* One event. `text` stands in the document or in the scratch; `span` leads from the start of a collection to its end. */
typedef struct {
    const unsigned char *text;
    union {
        uint32_t length, span;
    };
    uint32_t line, column;
    uint8_t kind, plain;
} Token;

/* An open collection. `indent` is the column of a block collection, from 0; `line` and `column` are where an empty
   value would stand. */
typedef struct {
    uint8_t type, expects;
    int32_t indent;
    uint32_t open, keys;
    uint32_t line, column;
} Frame;

typedef struct {
    const unsigned char *text;
    uint64_t digest;
    uint32_t length, line, column;
} Key;

typedef struct {
    const unsigned char *text;
    uint32_t length, line, column, first_line;
} Duplicate;

typedef struct {
    const unsigned char *text, *end, *at, *line_start;
    uint32_t line;
    int ascii, json;
    /* Where a line with characters of several bytes has been counted up to. */
    const unsigned char *counted_to;
    uint32_t counted;
    /* YAML only: whether `at` is where the content of a line begins, or past all lines. */
    int at_content, at_end;

    Frame frames[MAX_DEPTH + 1];
    int depth;
    /* The map at this depth is a manifest: a scan stops at its `items`. */
    int watched;

    Token *tokens;
    uint32_t count, capacity;
    Key *keys;
    uint32_t key_count, key_capacity;
    Duplicate *duplicates;
    uint32_t duplicate_count, duplicate_capacity;
    /* Texts that differ from what stands in the document: they are never longer than 3/2 of it. */
    unsigned char *scratch;
    size_t scratch_used;
} Scanner;

static void scanner_free(Scanner *s) {
    free(s->tokens);
    free(s->keys);
    free(s->duplicates);
    free(s->scratch);
    memset(s, 0, sizeof *s);
}

/* Room for one more element of `size` bytes; the new place of the array, or NULL. */
static void *scanner_grow(void *array, uint32_t *capacity, size_t size) {
    uint32_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(array, wanted * size);
    if (grown) *capacity = wanted;
    return grown;
}

static int scratch_open(Scanner *s) {
    if (!s->scratch) s->scratch = malloc((size_t)(s->end - s->text) / 2 * 3 + 16);
    return s->scratch != NULL;
}

/* Characters count, not bytes. Every position asked for in a line is right of the one before. */
static uint32_t column_of(Scanner *s, const unsigned char *at) {
    if (s->ascii) return (uint32_t)(at - s->line_start) + 1;
    if (s->counted_to <= s->line_start || s->counted_to > at) {
        s->counted_to = s->line_start;
        s->counted = 0;
    }
    for (; s->counted_to < at; s->counted_to++) s->counted += (*s->counted_to & 0xC0) != 0x80;
    return s->counted + 1;
}

static inline int push_token(
    Scanner *s, int kind, const unsigned char *text, size_t length, int plain, uint32_t line, uint32_t column
) {
    if (s->count == s->capacity) {
        if (s->count >= MAX_TOKENS) return UNSURE;
        Token *grown = scanner_grow(s->tokens, &s->capacity, sizeof *grown);
        if (!grown) return NO_MEMORY;
        s->tokens = grown;
    }
    if (length > MAX_SCALAR) return UNSURE;
    Token *token = &s->tokens[s->count++];
    token->text = text;
    token->length = (uint32_t)length;
    token->line = line;
    token->column = column;
    token->kind = (uint8_t)kind;
    token->plain = (uint8_t)plain;
    return VALUE;
}

/* Two keys of one length with the same eight bytes at either end are compared in full. */
static inline uint64_t text_digest(const unsigned char *text, size_t length) {
    uint64_t first = 0, last = 0;
    if (length >= 8) {
        memcpy(&first, text, 8);
        memcpy(&last, text + length - 8, 8);
    } else {
        for (size_t i = 0; i < length; i++) first = first << 8 | text[i];
    }
    uint64_t digest = (first ^ length * 0x9E3779B97F4A7C15u) * 0xFF51AFD7ED558CCDu;
    digest = (digest ^ digest >> 32 ^ last) * 0xC4CEB9FE1A85EC53u;
    return digest ^ digest >> 29;
}

static inline int push_key(Scanner *s, const unsigned char *text, size_t length, int plain, uint32_t line, uint32_t column) {
    int status = push_token(s, KEY, text, length, plain, line, column);
    if (status != VALUE) return status;
    if (s->key_count == s->key_capacity) {
        if (s->key_count >= 4 * MAX_TOKENS) return UNSURE;
        Key *grown = scanner_grow(s->keys, &s->key_capacity, sizeof *grown);
        if (!grown) return NO_MEMORY;
        s->keys = grown;
    }
    Key *key = &s->keys[s->key_count++];
    key->text = text;
    key->digest = text_digest(text, length);
    key->length = (uint32_t)length;
    key->line = line;
    key->column = column;
    return VALUE;
}

/* Opens a collection whose token has just been pushed. */
static inline int push_frame(Scanner *s, int type, int expects, int32_t indent) {
    if (s->depth == MAX_DEPTH) return UNSURE;
    Frame *frame = &s->frames[++s->depth];
    frame->type = (uint8_t)type;
    frame->expects = (uint8_t)expects;
    frame->indent = indent;
    frame->open = s->count - 1;
    frame->keys = s->key_count;
    return VALUE;
}

static int key_order(const void *one, const void *other) {
    const Key *a = one, *b = other;
    if (a->digest != b->digest) return a->digest < b->digest ? -1 : 1;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    int order = memcmp(a->text, b->text, a->length);
    if (order) return order;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

static int same_key(const Key *a, const Key *b) {
    return a->digest == b->digest && a->length == b->length && !memcmp(a->text, b->text, a->length);
}

/* Sorted, keys that are the same stand together, in the order of the text. */
static int find_duplicates(Scanner *s, Key *keys, uint32_t count) {
    qsort(keys, count, sizeof *keys, key_order);
    for (uint32_t i = 1; i < count; i++) {
        if (!same_key(&keys[i - 1], &keys[i])) continue;
        if (s->duplicate_count == s->duplicate_capacity) {
            Duplicate *grown = scanner_grow(s->duplicates, &s->duplicate_capacity, sizeof *grown);
            if (!grown) return NO_MEMORY;
            s->duplicates = grown;
        }
        Duplicate *found = &s->duplicates[s->duplicate_count++];
        found->text = keys[i].text;
        found->length = keys[i].length;
        found->line = keys[i].line;
        found->column = keys[i].column;
        found->first_line = keys[i - 1].line;
    }
    return VALUE;
}

/* Closes the innermost collection; its end stands at the position given. */
static inline int pop_frame(Scanner *s, int kind, uint32_t line, uint32_t column) {
    Frame *frame = &s->frames[s->depth--];
    int status = VALUE;
    if (frame->open != NOT_KEPT) {
        status = push_token(s, kind, NULL, 0, 0, line, column);
        if (status != VALUE) return status;
        s->tokens[frame->open].span = s->count - 1 - frame->open;
    }
    uint32_t count = s->key_count - frame->keys;
    if (count > 1) {
        Key *keys = s->keys + frame->keys;
        int twice = count > 12;
        for (uint32_t i = 1; i < count && !twice; i++)
            for (uint32_t j = 0; j < i; j++) twice |= keys[i].digest == keys[j].digest;
        if (twice) status = find_duplicates(s, keys, count);
    }
    s->key_count = frame->keys;
    return status;
}

static inline int watched_items(const Scanner *s) {
    const Token *token = &s->tokens[s->count - 1];
    return s->depth == s->watched && token->length == 5 && !memcmp(token->text, "items", 5);
}

static inline int is_ascii(const unsigned char *text, size_t length) {
    const uint64_t high = 0x8080808080808080u;
    uint64_t part, last;
    if (length < 8) {
        unsigned char all = 0;
        while (length) all |= text[--length];
        return all < 0x80;
    }
    memcpy(&last, text + length - 8, 8);
    for (size_t i = 0; i + 8 < length; i += 8) {
        memcpy(&part, text + i, 8);
        last |= part;
    }
    return !(last & high);
}

static inline const unsigned char *skip_spaces(const unsigned char *at, const unsigned char *end) {
    if (*at != ' ') return at;
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        int other = ~_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), space)) & 0xFFFF;
        if (other) return at + __builtin_ctz(other);
        at += 16;
    }
#endif
    while (*at == ' ') at++; /* the byte at `end` is 0 */
    return at;
}

/* The code point at `at`, whose first byte is not ASCII, and its length; 0 where it is not UTF-8 (RFC 3629). */
static inline uint32_t decode_character(const unsigned char *at, const unsigned char *end, int *length) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = *at;
    int size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || end - at < size) return 0;
    uint32_t code = first & (0x7F >> size);
    for (int i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
    *length = size;
    return code;
}

/* At most 4 bytes. */
static inline size_t encode_character(unsigned char *to, uint32_t code) {
    if (code < 0x80) {
        to[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (unsigned char)(0xC0 | code >> 6);
        to[1] = (unsigned char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (unsigned char)(0xE0 | code >> 12);
        to[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (unsigned char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (unsigned char)(0xF0 | code >> 18);
    to[1] = (unsigned char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (unsigned char)(0x80 | (code & 0x3F));
    return 4;
}

/* The value of `digits` hexadecimal digits, or -1. */
static inline int64_t hexadecimal(const unsigned char *at, int digits) {
    int64_t value = 0;
    for (int i = 0; i < digits; i++) {
        unsigned char c = at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The next document marker of YAML (`---`, `...`) at the start of a line, or `end`; `at` is the start of a line. The
   lines before it are added to `*lines`. */
static const unsigned char *next_marker(const unsigned char *at, const unsigned char *end, size_t *lines) {
    for (;;) {
        if (end - at >= 3 && (*at == '-' || *at == '.') && at[1] == *at && at[2] == *at) {
            unsigned char after = at[3]; /* 0 at the end */
            if (after == ' ' || after == '\t' || after == '\r' || after == '\n' || at + 3 == end) return at;
        }
#ifdef __SSE2__
        const __m128i feed = _mm_set1_epi8('\n');
        int found = 0;
        while (end - at >= 16) {
            found = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), feed));
            if (found) break;
            at += 16;
        }
        if (found) {
            at += __builtin_ctz(found) + 1;
            ++*lines;
            continue;
        }
#endif
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at) return end;
        at++;
        ++*lines;
    }
}

#endif
