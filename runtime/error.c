/* error.c: the one line on stderr that every failed command ends with.
 *
 *      NAME: FILE: what is wrong; what to do
 *
 * NAME is how the program was called.  Texts carry names from models and files, so control characters are replaced
 * before they can reach a terminal, and the line goes out in one write so that parallel runs do not interleave. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

enum { LINE_BYTES = 6144 };

/* A library's errors, while one of its functions runs on this thread. */
static _Thread_local char *caught;
static _Thread_local size_t caught_room;

void sdc_error_catch(char *into, size_t room)
{
    caught = into;
    caught_room = room;
}

static void clean(char *line, size_t used)
{
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
}

int sdc_error(int code, const char *format, ...)
{
    char line[LINE_BYTES];
    int head = snprintf(line, LINE_BYTES / 4, "%s: ", program_invocation_short_name);
    size_t used = strnlen(line, head > 0 ? (size_t)head : 0);
    va_list arguments;
    va_start(arguments, format);
    if (caught) {
        vsnprintf(caught, caught_room, format, arguments);
        va_end(arguments);
        clean(caught, strlen(caught));
        return code;
    }
    int body = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    if (body > 0)
        used += strlen(line + used);
    clean(line, used);
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;      /* stderr is gone: the exit code still tells */
    return code;
}
