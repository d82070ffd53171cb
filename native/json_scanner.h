/* JSON to tokens, as compiler/frontend/json_events.py reads it. */
#ifndef KCOMPILE_JSON_SCANNER_H
#define KCOMPILE_JSON_SCANNER_H

#include "scanner.h"

enum { JSON_MAP, JSON_LIST };
enum { J_VALUE, J_KEY_OR_END, J_KEY, J_COMMA_OR_END, J_VALUE_OR_END };

/* Whether the document is UTF-8 all over; says also whether it is ASCII. */
static int json_open(Scanner *s) {
    const unsigned char *at = s->text;
    unsigned char high = 0;
    for (; at < s->end; at++) high |= *at;
    s->ascii = high < 0x80;
    for (at = s->text; !s->ascii && at < s->end;) {
        int length = 1;
        if (*at >= 0x80 && !decode_character(at, s->end, &length)) return UNSURE;
        at += length;
    }
    s->frames[0].expects = J_VALUE;
    return VALUE;
}

static inline const unsigned char *json_blanks(Scanner *s, const unsigned char *at) {
    for (;; at++) {
        at = skip_spaces(at, s->end);
        if (*at == '\n') {
            s->line++;
            s->line_start = at + 1;
        } else if (*at != '\r' && *at != '\t') {
            return at;
        }
    }
}

/* Where a string ends, a backslash stands, or what no string holds. */
static inline const unsigned char *json_plain_part(const unsigned char *at, const unsigned char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
    while (end - at >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)at);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(text, quote), _mm_cmpeq_epi8(text, backslash));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(text, control), text));
        int found = _mm_movemask_epi8(stop);
        if (found) return at + __builtin_ctz(found);
        at += 16;
    }
#endif
    while (*at >= 0x20 && *at != '"' && *at != '\\') at++;
    return at;
}

/* Decodes a string with escapes into the scratch; `at` is the first backslash. Returns its closing quote, or NULL. */
static const unsigned char *json_unescape(Scanner *s, const unsigned char *start, const unsigned char *at) {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    unsigned char *to = s->scratch + s->scratch_used;
    memcpy(to, start, (size_t)(at - start));
    to += at - start;
    while (*at != '"') {
        if (*at < 0x20) return NULL;
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        if (at[1] != 'u') {
            const char *found = at[1] ? strchr(escapes, at[1]) : NULL;
            if (!found) return NULL;
            *to++ = (unsigned char)meanings[found - escapes];
            at += 2;
            continue;
        }
        if (s->end - at < 6) return NULL;
        int64_t code = hexadecimal(at + 2, 4);
        at += 6;
        if (code >= 0xD800 && code <= 0xDBFF && s->end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            int64_t low = hexadecimal(at + 2, 4);
            if (low < 0xDC00 || low > 0xDFFF) return NULL;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
        }
        /* Half a surrogate pair is a string for Python, but no UTF-8. */
        if (code < 0 || (code >= 0xD800 && code <= 0xDFFF)) return NULL;
        to += encode_character(to, (uint32_t)code);
    }
    s->scratch_used = (size_t)(to - s->scratch);
    return at;
}

static inline int is_word(unsigned char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c >= 0x80;
}

/* The end of a number, `true`, `false` or `null`, or NULL. */
static const unsigned char *json_plain_end(const unsigned char *at, const unsigned char *end) {
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) >= length && !memcmp(at, words[i], length)) return is_word(at[length]) ? NULL : at + length;
    }
    at += *at == '-';
    if (*at < '0' || *at > '9') return NULL;
    if (*at == '0') {
        at++;
    } else {
        while (*at >= '0' && *at <= '9') at++;
    }
    if (*at == '.') {
        at++;
        if (*at < '0' || *at > '9') return NULL;
        while (*at >= '0' && *at <= '9') at++;
    }
    if ((*at | 32) == 'e') {
        at++;
        at += *at == '+' || *at == '-';
        if (*at < '0' || *at > '9') return NULL;
        while (*at >= '0' && *at <= '9') at++;
    }
    return is_word(*at) || *at == '.' ? NULL : at;
}

/* Reads on until the value that begins or goes on at depth `stop` is complete, or the list around it ends. With
   ANYWHERE, also where a collection has been opened. */
static int json_scan(Scanner *s, int stop) {
    const unsigned char *at = s->at;
    int status = VALUE;
    for (;;) {
        Frame *frame = &s->frames[s->depth];
        at = json_blanks(s, at);
        unsigned char c = *at;
        if (c == ',' && frame->expects == J_COMMA_OR_END) {
            frame->expects = frame->type == JSON_MAP ? J_KEY : J_VALUE;
            at++;
            continue;
        }
        uint32_t line = s->line, column = column_of(s, at);
        if (c == '"') {
            const unsigned char *start = at + 1, *end = json_plain_part(start, s->end), *text = start;
            size_t length = (size_t)(end - start);
            if (*end == '\\') {
                if (!scratch_open(s)) return NO_MEMORY;
                text = s->scratch + s->scratch_used;
                end = json_unescape(s, start, end);
                if (!end) return UNSURE;
                length = (size_t)(s->scratch + s->scratch_used - text);
            } else if (*end != '"') {
                return UNSURE;
            }
            if (end - start + 2 > MAX_SCALAR) return UNSURE;
            at = end + 1;
            if (frame->expects == J_KEY_OR_END || frame->expects == J_KEY) {
                status = push_key(s, text, length, 0, line, column);
                at = json_blanks(s, at);
                if (status != VALUE || *at != ':') return status != VALUE ? status : UNSURE;
                at++;
                frame->expects = J_VALUE;
                if (watched_items(s)) {
                    s->at = at;
                    return ITEMS;
                }
                continue;
            }
            if (frame->expects != J_VALUE && frame->expects != J_VALUE_OR_END) return UNSURE;
            status = push_token(s, SCALAR, text, length, 0, line, column);
            frame->expects = J_COMMA_OR_END;
        } else if (c == '{' || c == '[') {
            if (frame->expects != J_VALUE && frame->expects != J_VALUE_OR_END) return UNSURE;
            frame->expects = J_COMMA_OR_END;
            status = push_token(s, c == '{' ? MAP : LIST, NULL, 0, 0, line, column);
            if (status != VALUE) return status;
            status = push_frame(s, c == '{' ? JSON_MAP : JSON_LIST, c == '{' ? J_KEY_OR_END : J_VALUE_OR_END, 0);
            at++;
            if (status != VALUE || stop == ANYWHERE) {
                s->at = at;
                return status;
            }
            continue;
        } else if (c == '}' || c == ']') {
            int closes = frame->expects == J_COMMA_OR_END || frame->expects == (c == '}' ? J_KEY_OR_END : J_VALUE_OR_END);
            if (!s->depth || !closes || frame->type != (c == '}' ? JSON_MAP : JSON_LIST)) return UNSURE;
            status = pop_frame(s, c == '}' ? END_MAP : END_LIST, line, column);
            at++;
        } else {
            const unsigned char *end = json_plain_end(at, s->end);
            if (!end || (frame->expects != J_VALUE && frame->expects != J_VALUE_OR_END)) return UNSURE;
            status = push_token(s, SCALAR, at, (size_t)(end - at), 1, line, column);
            frame->expects = J_COMMA_OR_END;
            at = end;
        }
        if (status != VALUE) return status;
        if (s->depth <= stop) {
            s->at = at;
            return VALUE;
        }
    }
}

/* Whether only blanks follow. */
static int json_at_end(Scanner *s) {
    return json_blanks(s, s->at) == s->end;
}

/* Where the JSON value that begins at `at` ends, and any blanks after it. Brackets and strings are counted, nothing else
   is looked at; what begins with no bracket goes on to the end of the text. */
static const unsigned char *json_value_end(const unsigned char *at, const unsigned char *end) {
    size_t depth = 0;
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
    if (*at != '{' && *at != '[') return end;
    while (at < end) {
        unsigned char c = *at++;
        if (c == '"') {
            while ((at = json_plain_part(at, end)) < end && *at != '"') at += *at == '\\' && end - at > 1 ? 2 : 1;
            at += at < end;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && !--depth) {
            break;
        } else if (c == '\n') {
            at = skip_spaces(at, end);
        }
    }
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
    return at;
}

#endif
