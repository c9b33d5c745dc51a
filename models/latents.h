/* latents.h: an autoencoder's own latents, and those that a denoiser works on: (own - shift) * scale, by channel. */
#ifndef SDC_LATENTS_H
#define SDC_LATENTS_H

#include <stdbool.h>
#include <stdint.h>

/* By the configuration whose keys have this prefix in the section "pipeline": scaling_factor and shift_factor, or with
 * `statistics` latents_mean and latents_std where both are given.  *scaling is malloc'd: [2][channels], scales before
 * shifts. */
int latents_scaling(const char *prefix, int64_t channels, bool statistics, float **scaling);

/* [channels][plane] from the one to the other; they may be the same array. */
void latents_scale(const float *scaling, int64_t channels, int64_t plane, const float *own, float *scaled);
void latents_unscale(const float *scaling, int64_t channels, int64_t plane, const float *scaled, float *own);

#endif
