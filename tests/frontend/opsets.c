/* opsets.c: operators in older spellings, against recorded outputs.
 *
 *      opsets SDC WORK FOLDER
 *
 * Each FOLDER/NAME.txt holds a model, its inputs and ONNX Runtime's outputs as wire text (make_opsets.py records them);
 * they become files in the layout of ONNX's own tests, which `sdc verify` runs through the oracle.  Dropping a file
 * into the folder adds a test. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire_text.h"

static _Noreturn void broken(const char *path)
{
    fprintf(stderr, "opsets: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void join(char path[PATH_MAX], const char *folder, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        broken(folder);
}

static void file_write(const char *path, const char *text)
{
    Bytes b = {0};
    wire_text(&b, text);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b.data, 1, b.count, f) != b.count || fclose(f))
        broken(path);
    bytes_free(&b);
}

/* One line of a case, "model TEXT", "input TEXT" or "output TEXT", to its file in root. */
static void line_write(const char *root, char *line, int *inputs, int *outputs)
{
    char name[64], path[PATH_MAX], *text = strchr(line, ' ');
    line[strcspn(line, "\n")] = 0;
    if (!text)
        return;
    *text++ = 0;
    if (!strcmp(line, "model"))
        snprintf(name, sizeof name, "model.onnx");
    else
        snprintf(name, sizeof name, "data/%s_%d.pb", line, !strcmp(line, "input") ? (*inputs)++ : (*outputs)++);
    join(path, root, name);
    file_write(path, text);
}

static void files_write(const char *source, const char *root)
{
    char *line = NULL, data[PATH_MAX];
    size_t room = 0;
    int inputs = 0, outputs = 0;
    join(data, root, "data");
    FILE *f = fopen(source, "r");
    if (!f || (mkdir(root, 0755) && errno != EEXIST) || (mkdir(data, 0755) && errno != EEXIST))
        broken(source);
    while (getline(&line, &room, f) > 0)
        line_write(root, line, &inputs, &outputs);
    free(line);
    fclose(f);
}

static bool agrees(const char *sdc, const char *root)
{
    char model[PATH_MAX], data[PATH_MAX];
    join(model, root, "model.onnx");
    join(data, root, "data");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        execl(sdc, sdc, "verify", model, "--data", data, (char *)NULL);
        _exit(127);
    }
    int status = 1;
    while (pid < 0 || waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            broken(sdc);
    return status == 0;
}

static int is_case(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && !strcmp(entry->d_name + length - 4, ".txt");
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int count = argc == 4 ? scandir(argv[3], &names, is_case, alphasort) : -1, failed = 0;
    if (count <= 0) {
        fprintf(stderr, "usage: opsets SDC WORK FOLDER\n");
        return 2;
    }
    if (mkdir(argv[2], 0755) && errno != EEXIST)
        broken(argv[2]);
    for (int k = 0; k < count; k++) {
        char source[PATH_MAX], root[PATH_MAX];
        join(source, argv[3], names[k]->d_name);
        join(root, argv[2], names[k]->d_name);
        files_write(source, root);
        if (!agrees(argv[1], root)) {
            printf("FAILED: %s\n", names[k]->d_name);
            failed++;
        }
        free(names[k]);
    }
    free(names);
    printf("%d cases, %d failed\n", count, failed);
    return failed != 0;
}
