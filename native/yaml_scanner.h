/* YAML to tokens, as compiler/frontend/yaml_events.py reads it with libyaml: block and flow style, comments, quotes,
   block scalars. Anchors, tags, merge keys, tabs in the layout, keys that are no simple scalars and everything that
   might be an error are left to libyaml. */
#ifndef KCOMPILE_YAML_SCANNER_H
#define KCOMPILE_YAML_SCANNER_H

#include "scanner.h"

enum { ROOT, BLOCK_MAP, BLOCK_LIST, FLOW_MAP, FLOW_LIST };
/* ENTRY: a key or a dash; in flow style an entry or the end. NEXT: in flow style a comma or the end. */
enum { Y_ENTRY, Y_VALUE, Y_NEXT, Y_DONE };

static inline int is_blank_or_end(const Scanner *s, const unsigned char *at) {
    return *at == ' ' || *at == '\n' || at == s->end;
}

static inline int is_marker(const Scanner *s, const unsigned char *at) {
    return at == s->line_start && s->end - at >= 3 && (!memcmp(at, "---", 3) || !memcmp(at, "...", 3)) &&
           is_blank_or_end(s, at + 3);
}

/* A character that libyaml reads and that breaks no line; tabs are seen to where they stand. */
static inline int is_printable(uint32_t code) {
    return (code >= 0xA0 && code <= 0xFFFD && code != 0x2028 && code != 0x2029 && code != 0xFEFF) || code >= 0x10000;
}

/* Goes to the next line that holds more than blanks and a comment. `at` stands where nothing but these may follow. */
static int next_content(Scanner *s, const unsigned char *at) {
    for (;;) {
        int blank_before = at == s->line_start || at[-1] == ' ';
        const unsigned char *content = skip_spaces(at, s->end);
        if (*content == '#' && (blank_before || content > at)) {
            const unsigned char *line_end = memchr(content, '\n', (size_t)(s->end - content));
            content = line_end ? line_end : s->end;
        }
        if (*content != '\n') {
            s->at = content;
            s->at_end = content == s->end;
            if (s->at_end && content > s->line_start) {
                /* Where the last line lacks its break, libyaml adds one. Collections that are indented beyond the end of
                   the line end before that, the others after it. */
                if ((int32_t)column_of(s, content) - 1 < s->frames[s->depth].indent) return UNSURE;
                s->line++;
                s->line_start = content;
            }
            if (*content == '\t' || *content == '#') return UNSURE;
            if (!s->at_end && content != s->line_start && content[-1] != ' ') return UNSURE;
            if (is_marker(s, content)) {
                /* The text of a document ends with its end marker. */
                if (*content == '-' || s->end - content > 3) return UNSURE;
                s->at_end = 1;
            }
            return VALUE;
        }
        at = content + 1;
        s->line++;
        s->line_start = at;
    }
}

/* Whether the document is UTF-8 of printable characters, with line feeds alone; says also whether it is ASCII. */
static int yaml_open(Scanner *s) {
    const unsigned char *at = s->text;
    s->ascii = 1;
    while (at < s->end) {
        size_t left = (size_t)(s->end - at), block = left < 4096 ? left : 4096;
        unsigned char odd = 0;
        for (size_t i = 0; i < block; i++) odd |= (unsigned char)(at[i] - 0x20) > 0x5E && at[i] != '\n';
        const unsigned char *block_end = at + block;
        while (odd && at < block_end) {
            int length = 1;
            if (*at >= 0x80) {
                if (!is_printable(decode_character(at, s->end, &length))) return UNSURE;
                s->ascii = 0;
            } else if (!(*at >= 0x20 && *at < 0x7F) && *at != '\n' && *at != '\t') {
                return UNSURE;
            }
            at += length;
        }
        if (at < block_end) at = block_end;
    }
    Frame *root = &s->frames[0];
    root->type = ROOT;
    root->expects = Y_VALUE;
    root->indent = -1;
    s->at_content = 1;
    if (!is_marker(s, s->text)) return next_content(s, s->text);
    /* What stands in the line of the marker may not be a block collection: only a comment is read here. */
    int status = *s->text == '-' ? next_content(s, s->text + 3) : UNSURE;
    return status == VALUE && s->line == 1 && !s->at_end ? UNSURE : status;
}

/* The next line feed, colon, number sign or tab, or what is near the end of the text. */
static inline const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end) {
#ifdef __SSE2__
    const __m128i feed = _mm_set1_epi8('\n'), colon = _mm_set1_epi8(':'), hash = _mm_set1_epi8('#');
    const __m128i tab = _mm_set1_epi8('\t');
    while (end - at >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)at);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(text, feed), _mm_cmpeq_epi8(text, colon));
        stop = _mm_or_si128(stop, _mm_or_si128(_mm_cmpeq_epi8(text, hash), _mm_cmpeq_epi8(text, tab)));
        int found = _mm_movemask_epi8(stop);
        if (found) return at + __builtin_ctz(found);
        at += 16;
    }
#endif
    return at;
}

/* Where a plain scalar in block style stops on its line; `*end` is where its text does. NULL where it is not clear. */
static const unsigned char *plain_in_block(const Scanner *s, const unsigned char *at, const unsigned char **end) {
    for (;; at++) {
        at = skip_plain(at, s->end);
        unsigned char c = *at;
        if (c > ':') continue;
        if (c == '\n' || (c == '\0' && at == s->end)) break;
        if (c == '\t') return NULL;
        if (c == ':' && is_blank_or_end(s, at + 1)) break;
        if (c == ':' && at[1] == '\t') return NULL;
        if (c == '#' && at[-1] == ' ') break;
    }
    *end = at;
    while ((*end)[-1] == ' ') --*end;
    return at;
}

static const unsigned char *plain_in_flow(const Scanner *s, const unsigned char *at, const unsigned char **end) {
    for (;; at++) {
        unsigned char c = *at;
        if (c == '\n' || (c == '\0' && at == s->end) || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') break;
        if (c == '\t' || c == '?') return NULL;
        if (c == ':') {
            if (is_blank_or_end(s, at + 1)) break;
            if (at[1] && strchr("\t,?[]{}", at[1])) return NULL;
        }
        if (c == '#' && at[-1] == ' ') break;
    }
    *end = at;
    while ((*end)[-1] == ' ') --*end;
    return at;
}

/* Whether a plain scalar may begin here; it might where this says no. */
static inline int begins_plain(const Scanner *s, const unsigned char *at, int flow) {
    unsigned char next = at[1];
    if ((*at | 32) >= 'a' && (*at | 32) <= 'z') return 1;
    if (*at == '-' && flow) return (next >= '0' && next <= '9') || next == '.';
    if ((*at == '-' || *at == ':' || *at == '?') && !flow) return !is_blank_or_end(s, at + 1) && next != '\t';
    return *at && !strchr("?:,[]{}#&*!|>'\"%@` \t\n", *at);
}

/* A line break between two parts of a scalar: one is a blank, more are one less. Returns what follows the last. */
static unsigned char *fold(unsigned char *to, uint32_t breaks) {
    if (breaks == 1) {
        *to++ = ' ';
    } else {
        memset(to, '\n', breaks - 1);
        to += breaks - 1;
    }
    return to;
}

/* The lines on which a plain scalar goes on, if any. `at` is the end of its first line; `*text` and `*length` are what
   it held. A scalar on several lines is decoded into the scratch. */
static int plain_lines(
    Scanner *s, const unsigned char *at, int32_t indent, const unsigned char **text, size_t *length
) {
    unsigned char *to = NULL;
    for (;;) {
        const unsigned char *line = s->line_start, *content = at;
        uint32_t breaks = 0;
        while (*content == '\n') {
            breaks++;
            line = content + 1;
            content = skip_spaces(line, s->end);
        }
        if (*content == '\t') return UNSURE;
        s->line += breaks;
        s->line_start = line;
        if (content == s->end || content - line <= indent || *content == '#' || is_marker(s, content)) {
            if (to) *length = (size_t)(to - *text);
            if (to) s->scratch_used = (size_t)(to - s->scratch);
            return next_content(s, breaks ? line : at);
        }
        if (!to) {
            if (!scratch_open(s)) return NO_MEMORY;
            to = s->scratch + s->scratch_used;
            memcpy(to, *text, *length);
            *text = to;
            to += *length;
        }
        const unsigned char *end;
        at = plain_in_block(s, content, &end);
        /* A colon here is an error, a comment an end. */
        if (!at || (*at != '\n' && at != s->end)) return UNSURE;
        to = fold(to, breaks);
        memcpy(to, content, (size_t)(end - content));
        to += end - content;
    }
}

/* Decodes one escape of a double-quoted scalar; returns what follows it, or NULL. */
static const unsigned char *yaml_escape(const Scanner *s, const unsigned char *at, unsigned char **to) {
    static const char escapes[] = "abtnvfre \"/\\";
    static const char meanings[] = "\a\b\t\n\v\f\r\x1b \"/\\";
    unsigned char c = at[1];
    const char *found = c ? strchr(escapes, c) : NULL;
    if (found) {
        *(*to)++ = (unsigned char)meanings[found - escapes];
        return at + 2;
    }
    if (c == '0') {
        *(*to)++ = 0;
        return at + 2;
    }
    uint32_t named = c == 'N' ? 0x85 : c == '_' ? 0xA0 : c == 'L' ? 0x2028 : c == 'P' ? 0x2029 : 0;
    if (named) {
        *to += encode_character(*to, named);
        return at + 2;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!digits || s->end - at < 2 + digits) return NULL;
    int64_t code = hexadecimal(at + 2, digits);
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return NULL;
    *to += encode_character(*to, (uint32_t)code);
    return at + 2 + digits;
}

/* A quoted scalar of any kind, decoded into the scratch; `at` is where its plain beginning ends. Lines are folded.
   Returns its closing quote, or NULL. */
static const unsigned char *decode_quoted(Scanner *s, const unsigned char *start, const unsigned char *at) {
    unsigned char quote = start[-1], *to = s->scratch + s->scratch_used;
    memcpy(to, start, (size_t)(at - start));
    to += at - start;
    for (;;) {
        unsigned char c = *at;
        if (at == s->end) return NULL;
        if (c == quote) {
            if (quote != '\'' || at[1] != '\'') break;
            *to++ = '\'';
            at += 2;
        } else if (c == '\\' && quote == '"' && at[1] != '\n') {
            at = yaml_escape(s, at, &to);
            if (!at) return NULL;
        } else if (c == ' ' || c == '\t' || c == '\n' || (c == '\\' && quote == '"')) {
            /* Blanks at the end of a line and at the start of the next do not count; an escaped break is nothing. */
            int escaped = c == '\\';
            const unsigned char *blanks = at;
            uint32_t breaks = 0;
            at += escaped;
            for (; *at == ' ' || *at == '\t' || *at == '\n'; at++) {
                if (*at != '\n') continue;
                breaks++;
                s->line++;
                s->line_start = at + 1;
                if (is_marker(s, at + 1)) return NULL;
            }
            if (!breaks) {
                memcpy(to, blanks, (size_t)(at - blanks));
                to += at - blanks;
            } else if (!escaped) {
                to = fold(to, breaks);
            } else {
                memset(to, '\n', breaks - 1);
                to += breaks - 1;
            }
        } else {
            *to++ = c;
            at++;
        }
    }
    s->scratch_used = (size_t)(to - s->scratch);
    return at;
}

/* A quoted scalar that begins at `at`; what follows its closing quote, or NULL. */
static const unsigned char *quoted(Scanner *s, const unsigned char *at, const unsigned char **text, size_t *length) {
    unsigned char quote = *at++;
    const unsigned char *end = at;
    while (*end != quote && *end != '\n' && end < s->end && (*end != '\\' || quote == '\'')) end++;
    if (end < s->end && *end == quote && (quote == '"' || end[1] != '\'')) {
        *text = at;
        *length = (size_t)(end - at);
        return end + 1;
    }
    if (!scratch_open(s)) return NULL;
    unsigned char *decoded = s->scratch + s->scratch_used;
    /* Blanks before a break are dropped, so decoding starts before them. */
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) end--;
    end = decode_quoted(s, at, end);
    if (!end) return NULL;
    *text = decoded;
    *length = (size_t)(s->scratch + s->scratch_used - decoded);
    return end + 1;
}

/* The blank lines of a block scalar, and the indentation of the next one that is not. `*indent` is 0 until it is known. */
static const unsigned char *block_breaks(
    Scanner *s, const unsigned char *at, int32_t parent, int32_t *indent, uint32_t *breaks
) {
    int32_t most = 0;
    *breaks = 0;
    for (;;) {
        const unsigned char *line = at;
        while (*at == ' ' && (!*indent || at - line < *indent)) at++;
        int32_t column = (int32_t)(at - line);
        if (column > most) most = column;
        if (*at == '\t' && (!*indent || column < *indent)) return NULL;
        if (*at != '\n') break;
        at++;
        ++*breaks;
        s->line++;
        s->line_start = at;
    }
    if (!*indent) {
        *indent = most > parent + 1 ? most : parent + 1;
        if (*indent < 1) *indent = 1;
    }
    return at;
}

/* A block scalar, decoded into the scratch; `at` is its `|` or `>`. The chomping is libyaml's. */
static int block_scalar(Scanner *s, const unsigned char *at, int32_t parent, const unsigned char **text, size_t *length) {
    int literal = *at++ == '|', chomping = 0;
    int32_t indent = 0;
    for (int i = 0; i < 2; i++) {
        if (!chomping && (*at == '+' || *at == '-')) chomping = *at++ == '+' ? 1 : -1;
        if (!indent && *at >= '1' && *at <= '9') indent = *at++ - '0' + (parent > 0 ? parent : 0);
    }
    const unsigned char *rest = skip_spaces(at, s->end);
    if (*rest == '#' && rest > at) {
        while (rest < s->end && *rest != '\n') rest++;
    }
    if (*rest != '\n' || !scratch_open(s)) return UNSURE;
    s->line++;
    s->line_start = rest + 1;
    unsigned char *to = s->scratch + s->scratch_used;
    *text = to;
    uint32_t breaks, leading = 0;
    int blank_before = 0;
    at = block_breaks(s, rest + 1, parent, &indent, &breaks);
    while (at && at < s->end && at - s->line_start == indent) {
        int blank = *at == ' ' || *at == '\t';
        if (!literal && leading && !blank_before && !blank) {
            if (!breaks) *to++ = ' ';
        } else if (leading) {
            *to++ = '\n';
        }
        memset(to, '\n', breaks);
        to += breaks;
        blank_before = blank;
        const unsigned char *line_end = memchr(at, '\n', (size_t)(s->end - at));
        if (!line_end) line_end = s->end;
        memcpy(to, at, (size_t)(line_end - at));
        to += line_end - at;
        /* Where the text ends without a break, libyaml's reading depends on its version. */
        if (line_end == s->end) return UNSURE;
        leading = 1;
        s->line++;
        s->line_start = line_end + 1;
        at = block_breaks(s, line_end + 1, parent, &indent, &breaks);
    }
    if (!at) return UNSURE;
    if (chomping >= 0 && leading) *to++ = '\n';
    if (chomping > 0) {
        memset(to, '\n', breaks);
        to += breaks;
    }
    s->scratch_used = (size_t)(to - s->scratch);
    *length = (size_t)(to - *text);
    return next_content(s, s->line_start);
}

/* The `:` after a key that ends at `at`, or NULL where it is none. */
static inline const unsigned char *colon_after(const Scanner *s, const unsigned char *at, int flow) {
    at = skip_spaces(at, s->end);
    return *at == ':' && (flow || is_blank_or_end(s, at + 1)) ? at : NULL;
}

static inline int is_merge(const unsigned char *text, size_t length) {
    return length == 2 && text[0] == '<' && text[1] == '<';
}

/* Pushes a key that begins at `start`, whose colon is `colon`; what follows is its value. */
static int yaml_key(
    Scanner *s, const unsigned char *start, const unsigned char *text, size_t length, int plain,
    const unsigned char *colon, uint32_t line, uint32_t column
) {
    if (line != s->line || colon - start > MAX_SIMPLE_KEY || (plain && is_merge(text, length))) return UNSURE;
    int status = push_key(s, text, length, plain, line, column);
    if (status != VALUE) return status;
    Frame *frame = &s->frames[s->depth];
    frame->expects = Y_VALUE;
    frame->line = s->line;
    frame->column = column_of(s, colon + 1);
    s->at = colon + 1;
    s->at_content = 0;
    return watched_items(s) ? ITEMS : VALUE;
}

/* The value of the innermost collection in block style is complete. */
static inline void value_done(Scanner *s) {
    Frame *frame = &s->frames[s->depth];
    frame->expects = frame->type == ROOT ? Y_DONE : frame->type >= FLOW_MAP ? Y_NEXT : Y_ENTRY;
}

static int open_collection(Scanner *s, int type, int expects, int32_t indent, uint32_t line, uint32_t column) {
    int status = push_token(s, type == BLOCK_MAP || type == FLOW_MAP ? MAP : LIST, NULL, 0, 0, line, column);
    if (status != VALUE) return status;
    value_done(s);
    return push_frame(s, type, expects, indent);
}

/* A key at `at`, in a block map that expects one. Keys that are not simple scalars are left alone. */
static int block_key(Scanner *s, const unsigned char *at) {
    const unsigned char *text = at, *end, *colon;
    uint32_t line = s->line, column = column_of(s, at);
    if (*at == '"' || *at == '\'') {
        size_t length;
        end = quoted(s, at, &text, &length);
        colon = end ? colon_after(s, end, 0) : NULL;
        return colon ? yaml_key(s, at, text, length, 0, colon, line, column) : UNSURE;
    }
    if (!begins_plain(s, at, 0)) return UNSURE;
    colon = plain_in_block(s, at, &end);
    if (!colon || *colon != ':') return UNSURE;
    return yaml_key(s, at, at, (size_t)(end - at), 1, colon, line, column);
}

/* A node in block style at s->at: a value that the innermost collection expects. `first` says that it is the first in
   its line, or follows a dash: only there a block collection may begin. */
static int block_node(Scanner *s, int first) {
    const unsigned char *at = s->at, *text, *end;
    size_t length;
    int32_t parent = s->frames[s->depth].indent, indent = (int32_t)(at - s->line_start);
    uint32_t line = s->line, column = column_of(s, at);
    int status;
    switch (*at) {
    case '{':
    case '[':
        s->at = at + 1;
        s->at_content = 0;
        return open_collection(s, *at == '{' ? FLOW_MAP : FLOW_LIST, Y_ENTRY, parent, line, column);
    case '|':
    case '>':
        status = block_scalar(s, at, parent, &text, &length);
        if (status == VALUE) status = push_token(s, SCALAR, text, length, 0, line, column);
        s->at_content = 1;
        value_done(s);
        return status;
    case '"':
    case '\'': {
        end = quoted(s, at, &text, &length);
        if (!end) return UNSURE;
        const unsigned char *colon = colon_after(s, end, 0);
        if (colon) {
            if (!first) return UNSURE;
            status = open_collection(s, BLOCK_MAP, Y_ENTRY, indent, line, column);
            return status == VALUE ? yaml_key(s, at, text, length, 0, colon, line, column) : status;
        }
        status = push_token(s, SCALAR, text, length, 0, line, column);
        value_done(s);
        if (status != VALUE) return status;
        s->at_content = 1;
        uint32_t last = s->line;
        status = next_content(s, end);
        return status == VALUE && s->line == last && !s->at_end ? UNSURE : status;
    }
    case '-':
        if (is_blank_or_end(s, at + 1)) {
            if (!first) return UNSURE;
            status = open_collection(s, BLOCK_LIST, Y_ENTRY, indent, line, column);
            s->at_content = 1;
            return status;
        }
        /* fall through */
    default:
        if (!begins_plain(s, at, 0)) return UNSURE;
        const unsigned char *stop = plain_in_block(s, at, &end);
        if (!stop) return UNSURE;
        if (*stop == ':') {
            if (!first) return UNSURE;
            status = open_collection(s, BLOCK_MAP, Y_ENTRY, indent, line, column);
            return status == VALUE ? yaml_key(s, at, at, (size_t)(end - at), 1, stop, line, column) : status;
        }
        text = at;
        length = (size_t)(end - at);
        status = *stop == '#' ? next_content(s, stop) : plain_lines(s, stop, parent, &text, &length);
        if (status == VALUE) status = push_token(s, SCALAR, text, length, 1, line, column);
        s->at_content = 1;
        value_done(s);
        return status;
    }
}

/* One step in block style. */
static int block_step(Scanner *s) {
    Frame *frame = &s->frames[s->depth];
    if (!s->at_content) {
        /* After a colon or a dash. */
        const unsigned char *content = skip_spaces(s->at, s->end);
        if (*content != '\n' && content != s->end && (*content != '#' || content == s->at)) {
            if (*content == '\t' || *content == '#') return UNSURE;
            s->at = content;
            return block_node(s, frame->type != BLOCK_MAP);
        }
        int status = next_content(s, s->at);
        if (status != VALUE) return status;
        s->at_content = 1;
    }
    const unsigned char *at = s->at;
    int32_t column = s->at_end ? -1 : (int32_t)(at - s->line_start);
    if (frame->expects == Y_VALUE) {
        if (column > frame->indent) return block_node(s, 1);
        if (frame->type == BLOCK_MAP && column == frame->indent && *at == '-' && is_blank_or_end(s, at + 1))
            return open_collection(s, BLOCK_LIST, Y_ENTRY, column, s->line, column_of(s, at));
        if (frame->type == ROOT) return UNSURE;
        value_done(s);
        return push_token(s, SCALAR, at, 0, 1, frame->line, frame->column);
    }
    if (frame->type == ROOT || column > frame->indent) return UNSURE;
    int is_dash = column >= 0 && *at == '-' && is_blank_or_end(s, at + 1);
    if (frame->type == BLOCK_LIST && column == frame->indent && is_dash) {
        frame->expects = Y_VALUE;
        frame->line = s->line;
        frame->column = (uint32_t)column + 2;
        s->at = at + 1;
        s->at_content = 0;
        return VALUE;
    }
    /* A list that stands below its key, not right of it, ends at the next key. */
    int ends = column < frame->indent || (frame->type == BLOCK_LIST && s->frames[s->depth - 1].indent == column);
    if (ends) return pop_frame(s, frame->type == BLOCK_MAP ? END_MAP : END_LIST, s->line, column_of(s, at));
    return frame->type == BLOCK_MAP && !is_dash ? block_key(s, at) : UNSURE;
}

/* Blanks, line breaks and comments between tokens in flow style. */
static int flow_blanks(Scanner *s) {
    const unsigned char *at = s->at;
    for (;;) {
        at = skip_spaces(at, s->end);
        if (*at == '#') {
            if (at != s->line_start && at[-1] != ' ') return UNSURE;
            while (at < s->end && *at != '\n') at++;
        }
        if (*at != '\n') break;
        s->line++;
        s->line_start = ++at;
        if (is_marker(s, at)) return UNSURE;
    }
    s->at = at;
    return at == s->end || *at == '\t' ? UNSURE : VALUE;
}

/* One step in flow style. */
static int flow_step(Scanner *s) {
    int status = flow_blanks(s);
    if (status != VALUE) return status;
    Frame *frame = &s->frames[s->depth];
    const unsigned char *at = s->at, *text = at, *end;
    unsigned char c = *at;
    uint32_t line = s->line, column = column_of(s, at);
    int is_map = frame->type == FLOW_MAP;
    if (is_map && frame->expects == Y_VALUE && (c == ',' || c == '}')) {
        value_done(s);
        return push_token(s, SCALAR, at, 0, 1, line, column);
    }
    if (c == ',' && frame->expects == Y_NEXT) {
        frame->expects = Y_ENTRY;
        s->at = at + 1;
        return VALUE;
    }
    if (c == (is_map ? '}' : ']') && frame->expects != Y_VALUE) {
        s->at = at + 1;
        status = pop_frame(s, is_map ? END_MAP : END_LIST, line, column);
        if (status != VALUE || s->frames[s->depth].type >= FLOW_MAP) return status;
        s->at_content = 1;
        status = next_content(s, at + 1);
        return status == VALUE && s->line == line && !s->at_end ? UNSURE : status;
    }
    if (frame->expects == Y_NEXT) return UNSURE;
    int is_key = is_map && frame->expects == Y_ENTRY;
    if ((c == '{' || c == '[') && !is_key) {
        s->at = at + 1;
        return open_collection(s, c == '{' ? FLOW_MAP : FLOW_LIST, Y_ENTRY, frame->indent, line, column);
    }
    int plain = c != '"' && c != '\'';
    size_t length;
    if (plain) {
        if (!begins_plain(s, at, 1)) return UNSURE;
        const unsigned char *stop = plain_in_flow(s, at, &end);
        if (!stop) return UNSURE;
        length = (size_t)(end - at);
        end = stop;
    } else {
        end = quoted(s, at, &text, &length);
        if (!end) return UNSURE;
    }
    const unsigned char *colon = colon_after(s, end, !plain);
    if (is_key) {
        if (!colon) return UNSURE;
        return yaml_key(s, at, text, length, plain, colon, line, column);
    }
    /* `[a: b]` is a map in a list. */
    if (colon) return UNSURE;
    s->at = end;
    value_done(s);
    return push_token(s, SCALAR, text, length, plain, line, column);
}

/* Reads on until the value that begins or goes on at depth `stop` is complete, or the list around it ends. With
   ANYWHERE, also where a collection has been opened. */
static int yaml_scan(Scanner *s, int stop) {
    for (;;) {
        uint32_t count = s->count;
        int depth = s->depth;
        int status = s->frames[depth].type >= FLOW_MAP ? flow_step(s) : block_step(s);
        if (status != VALUE) return status;
        if (s->depth > stop) continue;
        int complete = s->depth < depth || (s->count > count && s->tokens[s->count - 1].kind == SCALAR);
        if (complete || (stop == ANYWHERE && s->count > count)) return VALUE;
    }
}

#endif
