/* The grammars of `kcompile.passes.syntax` and `kcompile.passes.addresses` that every endpoint passes through. */

#ifndef KCOMPILE_SYNTAX_H
#define KCOMPILE_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }
static inline int is_lower(char c) { return c >= 'a' && c <= 'z'; }

/* Four numbers up to 255 without leading zeros: an IPv4 address in its only spelling. */
static inline int parse_dotted_quad(const char *text, size_t length, uint32_t *address) {
    const char *end = text + length;
    *address = 0;
    for (int part = 0; part < 4; part++) {
        uint32_t number = 0;
        int digits = 0;
        if (part && (text == end || *text++ != '.')) return 0;
        for (; text < end && is_digit(*text) && digits < 4; digits++) {
            if (digits && !number) return 0;
            number = 10 * number + (uint32_t)(*text++ - '0');
        }
        if (!digits || number > 255) return 0;
        *address = *address << 8 | number;
    }
    return text == end;
}

/* An IPv4 address that traffic can be sent to: not unspecified, loopback, link-local, or link-local multicast. */
static inline int is_usable_ipv4(const char *text, size_t length) {
    uint32_t address;
    return parse_dotted_quad(text, length, &address) && address && address >> 24 != 127 && address >> 16 != 0xA9FE
        && address >> 8 != 0xE00000;
}

/* An RFC 1123 subdomain; with `dots` 0 a label. */
static inline int is_name(const char *text, size_t length, size_t most, int dots) {
    int inside = 0; /* whether the last character was a letter or a digit */
    if (length > most) return 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (is_lower(c) || is_digit(c)) {
            inside = 1;
        } else if (c == '-') {
            if (i == 0 || text[i - 1] == '.') return 0;
            inside = 0;
        } else {
            if (c != '.' || !dots || !inside) return 0;
            inside = 0;
        }
    }
    return inside;
}

static inline int is_dns_label(const char *text, size_t length) { return is_name(text, length, 63, 0); }
static inline int is_subdomain(const char *text, size_t length) { return is_name(text, length, 253, 1); }

static inline int is_kind(const char *text, size_t length) {
    if (!length || length > 63 || is_digit(*text)) return 0;
    for (size_t i = 0; i < length; i++)
        if (!is_digit(text[i]) && !is_lower(text[i] | 0x20)) return 0;
    return 1;
}

#endif
