/* assemble.c: see assemble.h. */
#include "assemble.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

bool folder_vae(const char *here, const char *name)
{
    (void)here;
    return !strncmp(name, "vae_", 4) || !strcmp(name, "model_index.json");
}

bool folder_but_t5(const char *here, const char *name)
{
    (void)here;
    return *name != '.' && strcmp(name, "text_encoder_3");
}

bool folder_all(const char *here, const char *name)
{
    (void)here;
    return *name != '.';
}

char *put_together(const char *work, const char *model, Wanted *of_model, const char *base, Wanted *of_base, bool is_single)
{
    static int count;
    char *folder = format("%s/put-together-%d", work, count++);
    const char *const from[] = {model, base};
    Wanted *const wanted[] = {of_model, of_base};
    char *single = realpath(format("%s/controlnet_single", model), NULL);
    if (mkdir(folder, 0777) || (is_single && symlink(single, format("%s/controlnet", folder))))
        exit(1);
    for (int k = 0; k < 2; k++) {
        char **names = list_folder(from[k], wanted[k], NULL);
        for (int i = 0; names[i]; i++) {
            char *link = format("%s/%s", folder, names[i]);
            char *target = realpath(format("%s/%s", from[k], names[i]), NULL);
            if (access(link, F_OK) && symlink(target, link))
                exit(1);
        }
    }
    return folder;
}

static bool is_not_config(const char *here, const char *name)
{
    (void)here;
    return *name != '.' && strcmp(name, "config.json");
}

void put_statistics(const char *folder, const char *model, const char *fields)
{
    char *own = format("%s/vae_decoder", folder), *from = format("%s/vae_decoder", model);
    if (unlink(own) || mkdir(own, 0777))
        exit(1);
    char **names = list_folder(from, is_not_config, NULL);
    for (int i = 0; names[i]; i++)
        if (symlink(realpath(format("%s/%s", from, names[i]), NULL), format("%s/%s", own, names[i])))
            exit(1);
    json_t *config = json_load_file(format("%s/config.json", from), 0, NULL), *more = json_loads(fields, 0, NULL);
    if (json_object_update(config, more) || json_dump_file(config, format("%s/config.json", own), 0))
        exit(1);
    json_decref(more);
    json_decref(config);
}
