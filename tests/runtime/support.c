/* support.c: see support.h. */
#define _GNU_SOURCE 1
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int saved_stderr = -1, captured = -1;
static char captured_text[TEXT_BYTES];

static void read_all(int fd, char *text)
{
    lseek(fd, 0, SEEK_SET);
    ssize_t got, used = 0;
    while (used < TEXT_BYTES - 1 && (got = read(fd, text + used, (size_t)(TEXT_BYTES - 1 - used))) > 0)
        used += got;
    text[used] = 0;
}

void capture_begin(void)
{
    saved_stderr = dup(STDERR_FILENO);
    captured = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(saved_stderr >= 0 && captured >= 0);
    dup2(captured, STDERR_FILENO);
}

const char *capture_end(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    read_all(captured, captured_text);
    close(captured);
    return captured_text;
}

char *make_folder(void)
{
    char *folder = strdup("/tmp/sdc-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

const char *in_folder(const char *folder, const char *name)
{
    static char paths[8][4096];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int visit(const char *folder, bool removing)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        n++;
        if (removing)
            remove(in_folder(folder, entry->d_name));
    }
    closedir(dir);
    return n;
}

int count_files(const char *folder) { return visit(folder, false); }

void remove_folder(char *folder)
{
    visit(folder, true);
    rmdir(folder);
    free(folder);
}

void write_file(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

uint8_t *read_file(const char *path, size_t *bytes)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    assert_int_equal(fstat(fileno(file), &status), 0);
    *bytes = (size_t)status.st_size;
    uint8_t *data = malloc(*bytes + (*bytes == 0));
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    fclose(file);
    return data;
}

void run_program(Outcome *o, const char *const *argv)
{
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    o->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_all(out, o->out);
    read_all(err, o->err);
    close(out);
    close(err);
}
