/* SHA-256 (FIPS 180-4) of short texts and the base32 (RFC 4648) of its first bits: what kube-proxy makes chain names
 * from. On x86-64 the SHA extensions are used when the processor has them; sha256_select() looks once. One text
 * after the other would wait for their answers, so two are hashed at once. */
#ifndef KCOMPILE_SHA256_H
#define KCOMPILE_SHA256_H

#include <stdint.h>
#include <string.h>

static const uint32_t SHA256_K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t SHA256_INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

typedef struct { /* a padded text and its hash */
    const uint8_t *text;
    size_t n_blocks;
    uint32_t state[8];
} Sha256;

/* Works a block of a text into its state, and the same block of another text, or NULL, into that one's. */
typedef void (*sha256_function)(Sha256 *one, Sha256 *other, size_t block);

static inline uint32_t sha256_rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static inline uint32_t sha256_load(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void sha256_block_portable(uint32_t *state, const uint8_t *block) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) w[i] = sha256_load(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        uint32_t s0 = sha256_rotate(a, 7) ^ sha256_rotate(a, 18) ^ a >> 3;
        uint32_t s1 = sha256_rotate(b, 17) ^ sha256_rotate(b, 19) ^ b >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i += 8) {
        /* Instead of moving all eight words in each round, the names move: unrolled, they are registers. */
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++) {
#define WORD(k) v[((k) - j) & 7]
            uint32_t s1 = sha256_rotate(WORD(4), 6) ^ sha256_rotate(WORD(4), 11) ^ sha256_rotate(WORD(4), 25);
            uint32_t choice = WORD(6) ^ (WORD(4) & (WORD(5) ^ WORD(6)));
            uint32_t t1 = WORD(7) + s1 + choice + SHA256_K[i + j] + w[i + j];
            uint32_t s0 = sha256_rotate(WORD(0), 2) ^ sha256_rotate(WORD(0), 13) ^ sha256_rotate(WORD(0), 22);
            uint32_t majority = (WORD(0) & WORD(1)) | (WORD(2) & (WORD(0) | WORD(1)));
            WORD(3) += t1;
            WORD(7) = t1 + s0 + majority;
#undef WORD
        }
    }
    for (int i = 0; i < 8; i++) state[i] += v[i];
}

static void sha256_portable(Sha256 *one, Sha256 *other, size_t block) {
    sha256_block_portable(one->state, one->text + 64 * block);
    if (other) sha256_block_portable(other->state, other->text + 64 * block);
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

/* The instructions keep the state as (a, b, e, f) and (c, d, g, h), and do two rounds at a time. */
__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void sha256_rounds_x86(
    Sha256 *const *texts, const int count, size_t block) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i abef[2], cdgh[2], abef_before[2], cdgh_before[2], w[2][4];
    for (int n = 0; n < count; n++) {
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)texts[n]->state), 0xB1);
        __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(texts[n]->state + 4)), 0x1B);
        abef[n] = abef_before[n] = _mm_alignr_epi8(low, high, 8);
        cdgh[n] = cdgh_before[n] = _mm_blend_epi16(high, low, 0xF0);
        const __m128i *words = (const __m128i *)(texts[n]->text + 64 * block);
        for (int i = 0; i < 4; i++) w[n][i] = _mm_shuffle_epi8(_mm_loadu_si128(words + i), big_endian);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
#pragma GCC unroll 2
        for (int n = 0; n < count; n++) {
            __m128i *now = &w[n][i & 3], next = w[n][(i + 3) & 3];
            if (i >= 4) {
                /* w[t] = w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2]), four at a time. */
                __m128i middle = _mm_alignr_epi8(next, w[n][(i + 2) & 3], 4);
                *now = _mm_sha256msg1_epu32(*now, w[n][(i + 1) & 3]);
                *now = _mm_sha256msg2_epu32(_mm_add_epi32(*now, middle), next);
            }
            __m128i words = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(SHA256_K + 4 * i)));
            cdgh[n] = _mm_sha256rnds2_epu32(cdgh[n], abef[n], words);
            abef[n] = _mm_sha256rnds2_epu32(abef[n], cdgh[n], _mm_shuffle_epi32(words, 0x0E));
        }
    }
    for (int n = 0; n < count; n++) {
        __m128i low = _mm_shuffle_epi32(_mm_add_epi32(abef[n], abef_before[n]), 0x1B);
        __m128i high = _mm_shuffle_epi32(_mm_add_epi32(cdgh[n], cdgh_before[n]), 0xB1);
        _mm_storeu_si128((__m128i *)texts[n]->state, _mm_blend_epi16(low, high, 0xF0));
        _mm_storeu_si128((__m128i *)(texts[n]->state + 4), _mm_alignr_epi8(high, low, 8));
    }
}

__attribute__((target("sha,sse4.1,ssse3"))) static void sha256_x86(Sha256 *one, Sha256 *other, size_t block) {
    Sha256 *const texts[2] = {one, other};
    if (other) sha256_rounds_x86(texts, 2, block);
    else sha256_rounds_x86(texts, 1, block);
}

static int sha256_x86_supported(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 9) || !(c & 1u << 19)) return 0; /* SSSE3, SSE4.1 */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);                   /* SHA */
}
#endif

/* The fastest function of this processor; with `portable` the one in plain C. */
static sha256_function sha256_select(int portable) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (!portable && sha256_x86_supported()) return sha256_x86;
#endif
    (void)portable;
    return sha256_portable;
}

#define SHA256_PADDING 72       /* what padding may write behind a text */
#define SHA256_BASE32_LENGTH 52 /* 256 bits in characters of 5 bits; the last one carries a single bit */

/* Pad a text to whole blocks, where it stands; the number of blocks. */
static inline size_t sha256_pad(uint8_t *text, size_t length) {
    size_t n_blocks = (length + 8) / 64 + 1;
    uint64_t bits = (uint64_t)length * 8;
    memset(text + length, 0, SHA256_PADDING);
    text[length] = 0x80;
    for (int i = 0; i < 8; i++) text[64 * n_blocks - 1 - i] = (uint8_t)(bits >> 8 * i);
    return n_blocks;
}

/* The hash of a padded text, and of another if that is not NULL. */
static inline void sha256_hash(sha256_function function, Sha256 *one, Sha256 *other) {
    size_t i = 0;
    memcpy(one->state, SHA256_INITIAL, sizeof one->state);
    if (other) {
        memcpy(other->state, SHA256_INITIAL, sizeof other->state);
        for (; i < one->n_blocks && i < other->n_blocks; i++) function(one, other, i);
        for (size_t j = i; j < other->n_blocks; j++) function(other, NULL, j);
    }
    for (; i < one->n_blocks; i++) function(one, NULL, i);
}

/* Write the first `count` (at most SHA256_BASE32_LENGTH) characters of the base32 of a hash. */
static inline void sha256_base32(const uint32_t *state, char *out, int count) {
    /* Five bytes are eight characters: each octet of a word takes five bits, and goes on from "A" or, from 26 on, "2". */
    for (int i = 0; i < count; i += 8) {
        int bit = i * 5, word = bit / 32;
        uint64_t two_words = (uint64_t)state[word] << 32 | (word < 7 ? state[word + 1] : 0);
        uint64_t bits40 = two_words << bit % 32 >> 24;
        uint64_t octets = bits40 >> 20 | (bits40 & 0xfffff) << 32;
        char eight[8];
        octets = (octets >> 10 & 0x000003ff000003ff) | (octets & 0x000003ff000003ff) << 16;
        octets = (octets >> 5 & 0x001f001f001f001f) | (octets & 0x001f001f001f001f) << 8;
        octets += 0x4141414141414141 - ((octets + 0x6666666666666666) >> 7 & 0x0101010101010101) * ('A' + 26 - '2');
        for (int j = 0; j < 8; j++) eight[j] = (char)(octets >> 8 * j);
        if (count - i < 8) memcpy(out + i, eight, count - i);
        else memcpy(out + i, eight, 8);
    }
}

#endif
