/* autoencoder_config.h: what an autoencoder's config.json says. */
#ifndef SDC_AUTOENCODER_CONFIG_H
#define SDC_AUTOENCODER_CONFIG_H

#include <jansson.h>
#include <stdint.h>

/* Ends the program, naming file and field, where latents would be scaled by what is no such number.  Returns the pixels
 * that a latent stands for in height and width: block_out_channels, one halving between two. */
int64_t check_autoencoder(const json_t *config, const char *path);

#endif
