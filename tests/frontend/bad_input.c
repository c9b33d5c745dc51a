/* bad_input.c: every row of bad_input.def through the real command.
 *
 *      bad_input SDC WORK [ROW]
 *
 * A refused model must end with the row's exit code and exactly one line on stderr that names the file and the thing,
 * and must leave nothing where the output would have gone.  Besides the rows, one sound model is cut at many places,
 * and no cut may load.  A row works in WORK/NAME, which is removed unless the row fails. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bad_input.h"

enum { SECONDS = 60, TEXT_ROOM = 1 << 16, CANNOT_RUN = 127, CUTS = 60 };

typedef struct { const char *name; int code; Hook *hook; const char *part, *text; } Row;

static const Row rows[] = {
#define BAD(name, code, hook, part, text) {#name, code, hook, part, text},
#include "bad_input.def"
#undef BAD
};
enum { ROWS = sizeof rows / sizeof *rows };

typedef struct { int code; bool out_empty; char err[TEXT_ROOM], out[TEXT_ROOM]; } Result;

/* ---- one run of the command ---- */

static void read_back(const char *path, char text[TEXT_ROOM])
{
    FILE *f = fopen(path, "rb");
    size_t count = f ? fread(text, 1, TEXT_ROOM - 1, f) : 0;
    text[count] = 0;
    if (f)
        fclose(f);
}

static void redirect(const char *path, int to)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(CANNOT_RUN);
}

/* The child's side; as nobody when root would not be refused. */
static _Noreturn void child(char *const argv[], const char *out, const char *err, bool unprivileged)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(SECONDS);
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    if (unprivileged && geteuid() == 0 && (setgid(65534) || setuid(65534)))
        _exit(CANNOT_RUN);
    execv(argv[0], argv);
    _exit(CANNOT_RUN);
}

static bool is_empty(const char *folder)
{
    int entries = 0;
    DIR *d = opendir(folder);
    while (d && readdir(d))
        entries++;
    if (d)
        closedir(d);
    return entries == 2;
}

static const char *under(const char *root, const char *name, char path[PATH_MAX])
{
    if ((size_t)snprintf(path, PATH_MAX, "%s%s", root, name) >= PATH_MAX) {
        fprintf(stderr, "bad_input: %s: path too long\n", root);
        exit(1);
    }
    return path;
}

static void run(const char *sdc, const char *root, bool sound, bool unprivileged, Result *r)
{
    char model[PATH_MAX], target[PATH_MAX], folder[PATH_MAX], out[PATH_MAX], err[PATH_MAX];
    under(root, "/m/model.onnx", model);
    under(root, "/out/program", target);
    under(root, "/out", folder);
    under(root, "/stdout", out);
    under(root, "/stderr", err);
    char *const compile[] = {(char *)(uintptr_t)sdc, "compile", model, "-o", target, NULL};
    char *const print[] = {(char *)(uintptr_t)sdc, "print", model, NULL};
    pid_t pid = fork();
    if (pid == 0)
        child(sound ? print : compile, out, err, unprivileged);
    int status = 0;
    while (pid < 0 || waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            exit(CANNOT_RUN);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    r->out_empty = is_empty(folder);
    read_back(out, r->out);
    read_back(err, r->err);
}

/* ---- folders ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void folders_make(const char *root)
{
    char path[PATH_MAX];
    static const char *const names[] = {"", "/m", "/out"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        if (mkdir(under(root, names[k], path), 0755) && errno != EEXIST) {
            perror(path);
            exit(1);
        }
    }
}

static void folders_remove(const char *root)
{
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- verdicts ---- */

/* NULL, or what is wrong with the result. */
static const char *judged(const Row *row, const Result *r, const char *root)
{
    const char *line_end = strchr(r->err, '\n');
    if (r->code != row->code)
        return "exit code";
    if (row->code == 0)
        return strstr(r->out, row->part) ? NULL : "printed text";
    if (strncmp(r->err, "sdc: ", 5))
        return "message does not begin with 'sdc: '";
    if (!line_end || line_end[1])
        return "message is not one line";
    if (!strstr(r->err, root) || !strstr(r->err, "model.onnx"))
        return "message does not name the file";
    if (!strstr(r->err, row->part))
        return "message does not name the thing";
    return r->out_empty ? NULL : "an output file was left";
}

static bool row_passes(const char *sdc, const char *work, const Row *row, const Bytes *model)
{
    char root[PATH_MAX], folder[PATH_MAX];
    static Result r;
    Bytes changed = {0};
    under(under(work, "/", folder), row->name, root);
    folders_remove(root);                /* of an earlier failure */
    folders_make(root);
    under(root, "/m", folder);
    bytes_put(&changed, model->data, model->count);
    row->hook(folder, &changed);
    if (changed.data)
        file_write(folder, "model.onnx", changed.data, changed.count);
    bytes_free(&changed);
    bool unprivileged = row->hook == no_permission;
    run(sdc, root, row->code == 0, unprivileged, &r);
    if (unprivileged && r.code == CANNOT_RUN) {
        printf("skipped: %s: the command can not be run as another user\n", row->name);
        r.code = row->code;
        folders_remove(root);
        return true;
    }
    const char *wrong = judged(row, &r, root);
    if (wrong)
        printf("FAILED: %s: %s: exit code %d, expected %d with '%s'\n    %s", row->name, wrong, r.code, row->code,
               row->part, *r.err ? r.err : "(no message)\n");
    else
        folders_remove(root);
    return !wrong;
}

/* A sound model, cut short at up to CUTS places; none may load. */
static int cuts_failed(const char *sdc, const char *work, int *count)
{
    Bytes whole = {0};
    int failed = 0;
    wire_text(&whole, "1=8 8{2=17} 7{1{1'x'1'w'2'a'3'add'4'Add'}1{1'a'2'y'3's'4'Softmax'5{1'axis'20=2 3=1}}"
                      "5{1=2 1=3 2=1 8'w'9*24}11{1'x'2{1{1=1 2{1{2'batch'}1{1=3}}}}}12{1'y'2{1{1=1}}}}");
    for (size_t cut = 1; cut < whole.count; cut += whole.count / CUTS + 1) {
        char name[32];
        snprintf(name, sizeof name, "cut_%zu", cut);
        Row row = {name, 2, none, "model", ""};
        Bytes part = {whole.data, cut, cut};
        failed += !row_passes(sdc, work, &row, &part);
        ++*count;
    }
    bytes_free(&whole);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, count = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: bad_input SDC WORK [ROW]\n");
        return 2;
    }
    folders_make(argv[2]);
    for (int k = 0; k < ROWS; k++) {
        Bytes model = {0};
        if (argc > 3 && strcmp(argv[3], rows[k].name))
            continue;
        wire_text(&model, rows[k].text);
        failed += !row_passes(argv[1], argv[2], &rows[k], &model);
        bytes_free(&model);
        count++;
    }
    if (argc == 3)
        failed += cuts_failed(argv[1], argv[2], &count);
    printf("%d models, %d failed\n", count, failed);
    return failed != 0;
}
