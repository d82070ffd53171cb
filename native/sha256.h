/* SHA-256 (FIPS 180-4) of short texts and the base32 (RFC 4648) of its first bits: what kube-proxy makes chain names
 * from. On x86-64 the SHA extensions are used when the processor has them; sha256_select() looks once. */
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

typedef void (*sha256_block_function)(uint32_t state[8], const uint8_t *block);

static inline uint32_t sha256_rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static inline uint32_t sha256_load(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void sha256_block_portable(uint32_t state[8], const uint8_t *block) {
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

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

/* The instructions keep the state as (a, b, e, f) and (c, d, g, h), and do two rounds at a time. */
__attribute__((target("sha,sse4.1,ssse3"))) static void sha256_block_x86(uint32_t state[8], const uint8_t *block) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), big_endian);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        __m128i *now = &w[i & 3], next = w[(i + 3) & 3];
        if (i >= 4) {
            /* w[t] = w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2]), four at a time. */
            __m128i middle = _mm_alignr_epi8(next, w[(i + 2) & 3], 4);
            *now = _mm_sha256msg1_epu32(*now, w[(i + 1) & 3]);
            *now = _mm_sha256msg2_epu32(_mm_add_epi32(*now, middle), next);
        }
        __m128i words = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(SHA256_K + 4 * i)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
    low = _mm_shuffle_epi32(abef, 0x1B);
    high = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

static int sha256_x86_supported(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 9) || !(c & 1u << 19)) return 0; /* SSSE3, SSE4.1 */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);                   /* SHA */
}
#endif

/* The fastest block function of this processor; with `portable` the one in plain C. */
static sha256_block_function sha256_select(int portable) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (!portable && sha256_x86_supported()) return sha256_block_x86;
#endif
    (void)portable;
    return sha256_block_portable;
}

#define SHA256_BASE32_LENGTH 52 /* 256 bits in characters of 5 bits; the last one carries a single bit */

/* Write the first `count` (at most SHA256_BASE32_LENGTH) characters of the base32 of the SHA-256 of a text. */
static inline void sha256_base32(sha256_block_function block, const char *text, size_t length, char *out, int count) {
    uint32_t state[8];
    uint8_t last[128] = {0};
    size_t whole = length / 64 * 64, rest = length - whole;
    memcpy(state, SHA256_INITIAL, sizeof state);
    for (size_t i = 0; i < whole; i += 64) block(state, (const uint8_t *)text + i);
    size_t padded = rest < 56 ? 64 : 128;
    memcpy(last, text + whole, rest);
    last[rest] = 0x80;
    uint64_t bits = (uint64_t)length * 8;
    for (int i = 0; i < 8; i++) last[padded - 1 - i] = (uint8_t)(bits >> 8 * i);
    for (size_t i = 0; i < padded; i += 64) block(state, last + i);
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
