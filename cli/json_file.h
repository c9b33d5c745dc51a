/* json_file.h: configuration files of a model folder. */
#ifndef SDC_JSON_FILE_H
#define SDC_JSON_FILE_H

#include <jansson.h>
#include <stdint.h>

/* An object; anything else ends the program with a line that names the file.  The caller decref's it. */
json_t *read_json(const char *path);
json_t *read_json_if(const char *path);         /* NULL where there is no such file */
int64_t json_int(const json_t *root, const char *key, int64_t otherwise);      /* otherwise: absent or not an integer */

/* A whole number from low to high, or `otherwise` where it is absent or null; anything else ends the program with a line
 * that names file and field. */
int64_t json_whole(const json_t *root, const char *path, const char *key, int64_t otherwise, int64_t low, int64_t high);

/* `text` with "PREFIXkey=value" lines of the object behind it, as the drivers read them; nested values are written as
 * JSON. */
char *json_settings(const json_t *root, const char *prefix, char *text);

#endif
