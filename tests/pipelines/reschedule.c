/* reschedule.c: see reschedule.h.  Compiling the networks again for every sampler would take minutes for nothing. */
#include "reschedule.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../runtime/fileio.h"
#include "../../runtime/sections.h"

static void need(int code)
{
    if (code) {
        fputs("reschedule: failed\n", stderr);
        exit(1);
    }
}

/* "key=value" lines, as the compiler writes them. */
static char *text_of(const json_t *config)
{
    char *text;
    size_t bytes;
    const char *key;
    json_t *value;
    FILE *out = open_memstream(&text, &bytes);
    need(!out);
    json_object_foreach((json_t *)(uintptr_t)config, key, value) {
        char *v = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        fprintf(out, "%s=%s\n", key, json_is_string(value) ? json_string_value(value) : v);
        free(v);
    }
    fclose(out);
    return text;
}

void reschedule(const char *from, const char *to, const json_t *config)
{
    SdcFile file;
    SdcSections s;
    char *text = text_of(config);
    need(sdc_file_map(&file, from) || sdc_sections_parse(&s, file.data, file.bytes, from));
    int fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0777);
    need(fd < 0 || sdc_write_all(fd, file.data + s.rows[0].offset, s.rows[0].bytes));
    SdcSectionWriter *w = sdc_sections_create(fd, to);
    need(!w);
    for (uint32_t k = 1; k < s.count; k++) {
        bool replaced = !strcmp(s.rows[k].name, "scheduler");
        need(sdc_section_begin(w, s.rows[k].name));
        need(replaced ? sdc_section_write(w, text, (int64_t)strlen(text))
                      : sdc_section_write(w, file.data + s.rows[k].offset, s.rows[k].bytes));
        need(sdc_section_end(w));
    }
    need(sdc_sections_finish(w));
    need(close(fd));
    sdc_file_unmap(&file);
    free(text);
}
