/* json_file.h: configuration files of a model folder. */
#ifndef SDC_JSON_FILE_H
#define SDC_JSON_FILE_H

#include <jansson.h>
#include <stdint.h>

/* An object; anything else ends the program with a line that names the file.  The caller decref's it. */
json_t *read_json(const char *path);
json_t *read_json_if(const char *path);         /* NULL where there is no such file */
int64_t json_int(const json_t *root, const char *key, int64_t otherwise);      /* otherwise: absent or not an integer */

/* Pixels that a latent stands for in height and width, of an autoencoder's config.json: block_out_channels, one halving
 * between two. */
int64_t json_latent_scale(const json_t *config, const char *path);

/* `text` with "PREFIXkey=value" lines of the object behind it, as the drivers read them; nested values are written as
 * JSON. */
char *json_settings(const json_t *root, const char *prefix, char *text);

#endif
