/* random: seeded noise, equal to torch's CPU generator.
 *
 * Same mt19937 stream and the same order of draws as torch.manual_seed(seed) followed by torch.rand or torch.randn of
 * contiguous float32 tensors, so that a picture can be compared with the one that another tool draws from the same
 * seed.  Uniforms are equal bit by bit; normals to within the last bits of log, sin and cos, which torch approximates.
 *
 * Twister: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), with init_genrand's seeding.
 * Normals: Box and Muller, "A note on the generation of random normal deviates", Ann. Math. Statist. 29 (1958). */
#include <math.h>

#include "runtime.h"

enum { STATE = 624, SHIFT = 397, BLOCK = 16 };

void sdc_random_seed(SdcRandom *r, uint64_t seed)
{
    r->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < STATE; i++)
        r->state[i] = 1812433253u * (r->state[i - 1] ^ (r->state[i - 1] >> 30)) + i;
    r->index = STATE;
    r->has_kept = false;
    r->kept = 0;
}

static void refill(SdcRandom *r)
{
    uint32_t *s = r->state;
    for (int i = 0; i < STATE; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % STATE] & 0x7fffffffu);
        s[i] = s[(i + SHIFT) % STATE] ^ (y >> 1) ^ ((y & 1) ? 0x9908b0dfu : 0u);
    }
    r->index = 0;
}

uint32_t sdc_random_u32(SdcRandom *r)
{
    if (r->index >= STATE)
        refill(r);
    uint32_t y = r->state[r->index++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

void sdc_random_uniform(SdcRandom *r, float *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(sdc_random_u32(r) & 0xffffffu) * 0x1p-24f;
}

/* 53 random bits; the word drawn first is the high one. */
static double uniform_double(SdcRandom *r)
{
    uint64_t high = sdc_random_u32(r), low = sdc_random_u32(r);
    return (double)(((high << 32) | low) & 0x1fffffffffffffu) * 0x1p-53;
}

/* One normal in double precision.  The pair's second value is kept in the generator for the next call, also across
 * vector draws in between. */
static double normal_one(SdcRandom *r)
{
    if (r->has_kept) {
        r->has_kept = false;
        return r->kept;
    }
    double angle = 2 * M_PI * uniform_double(r);
    double radius = sqrt(-2 * log1p(-uniform_double(r)));
    r->kept = radius * sin(angle);
    r->has_kept = true;
    return radius * cos(angle);
}

/* Turn 16 uniforms into 16 normals in place: element j pairs with j + 8. */
static void normal_block(float *block)
{
    for (int j = 0; j < BLOCK / 2; j++) {
        float radius = sqrtf(-2 * logf(1 - block[j]));
        float angle = (float)(2 * M_PI) * block[j + BLOCK / 2];
        block[j] = radius * cosf(angle);
        block[j + BLOCK / 2] = radius * sinf(angle);
    }
}

void sdc_random_normal(SdcRandom *r, float *out, int64_t n)
{
    if (n < BLOCK) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)normal_one(r);
        return;
    }
    sdc_random_uniform(r, out, n);
    for (int64_t i = 0; i + BLOCK <= n; i += BLOCK)
        normal_block(out + i);
    if (n % BLOCK != 0) {    /* the last 16 are drawn again, overlapping the block before */
        sdc_random_uniform(r, out + n - BLOCK, BLOCK);
        normal_block(out + n - BLOCK);
    }
}
