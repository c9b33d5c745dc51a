/* The files of --emit lib from a program's side: results equal to the executable's bytes, instances in parallel, memory
 * of the caller's, progress and cancelling, every error.  It links two libraries and sdc's own runtime at once, so that
 * a symbol which is not local would clash.
 *
 *   test_library FOLDER    holds decode.{so,weights} encode.weights and the executables' outputs; see test.sh      */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "encode.h"
#include "runtime.h"

const SdcModel sdc_model = {.name = "test_library"};

static int failures;

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);           \
            failures++;                                                                \
        }                                                                              \
    } while (0)

/* The library's functions, linked or found by dlsym: the same test goes through both. */
typedef struct {
    int (*abi)(void);
    int (*create)(decode_instance **, const decode_options *);
    void (*destroy)(decode_instance *);
    const char *(*message)(const decode_instance *);
    int (*input)(decode_instance *, int, decode_tensor *);
    int (*output)(decode_instance *, int, decode_tensor *);
    int (*run)(decode_instance *, int);
} Library;

static const Library linked = {decode_abi,   decode_create, decode_destroy, decode_message,
                               decode_input, decode_output, decode_run};
static const char *folder;
static _Thread_local char paths[16][512];

static const char *path(const char *name)
{
    static _Thread_local int next;
    char *p = paths[next++ % 16];
    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

/* The executable's random input of this seed. */
static void fill(const decode_tensor *x, uint64_t seed)
{
    SdcRandom random;
    sdc_random_seed(&random, seed);
    sdc_random_normal(&random, x->data, x->bytes / 4);
}

static bool equals_file(const void *data, int64_t bytes, const char *file)
{
    SdcArray a;
    if (sdc_array_read(&a, path(file), NULL))
        return false;
    bool same = a.count * dtype_info(a.dtype)->bytes == bytes && !memcmp(a.data, data, (size_t)bytes);
    sdc_array_free(&a);
    return same;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static bool runs(const Library *l, decode_instance *i, uint64_t seed, int threads)
{
    decode_tensor x, y;
    char file[32];
    snprintf(file, sizeof file, "decode-%d.npy", (int)seed);
    if (l->input(i, 0, &x) || l->output(i, 0, &y))
        return false;
    fill(&x, seed);
    return l->run(i, threads) == DECODE_OK && equals_file(y.data, y.bytes, file);
}

typedef struct { const Library *library; uint64_t seed; bool good; } Job;

static void *work(void *argument)
{
    Job *job = argument;
    decode_instance *i;
    decode_options o = {.weights_path = path("decode.weights"), .check = true};
    job->good = job->library->create(&i, &o) == DECODE_OK;
    for (int k = 0; k < 6 && job->good; k++)
        job->good = runs(job->library, i, job->seed, 1 + k % 3);
    job->library->destroy(i);
    return NULL;
}

static void test_parallel(const Library *l)
{
    Job jobs[2] = {{.library = l, .seed = 3}, {.library = l, .seed = 4}};
    pthread_t threads[2];
    for (int k = 0; k < 2; k++)
        pthread_create(&threads[k], NULL, work, &jobs[k]);
    for (int k = 0; k < 2; k++)
        pthread_join(threads[k], NULL);
    CHECK(jobs[0].good && jobs[1].good);
}

static void test_shared_object(void)
{
    void *so = dlopen(path("decode.so"), RTLD_NOW | RTLD_LOCAL);
    CHECK(so);
    if (!so)
        return;
    Library l;
    void **functions = (void **)&l;
    static const char *const names[] = {"decode_abi", "decode_create", "decode_destroy", "decode_message",
                                        "decode_input", "decode_output", "decode_run"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        functions[k] = dlsym(so, names[k]);
        CHECK(functions[k]);
    }
    CHECK(l.abi() == DECODE_ABI);
    CHECK((void *)l.run != (void *)linked.run);
    test_parallel(&l);
    CHECK(!dlsym(so, "sdc_parallel") && !dlsym(so, "sdc_model"));
    dlclose(so);
}

static void test_other_library(void)
{
    encode_instance *i;
    encode_tensor ids, states;
    CHECK(encode_create(&i, &(encode_options){.weights_path = path("encode.weights")}) == ENCODE_OK);
    CHECK(encode_input(i, encode_input_index(i, "input_ids"), &ids) == ENCODE_OK);
    CHECK(encode_output(i, encode_output_index(i, "last_hidden_state"), &states) == ENCODE_OK);
    CHECK(ids.dtype == ENCODE_I64 && ids.rank == 2 && ids.dim[0] == 1 && ids.dim[1] == 32 && ids.bytes == 256);
    for (int k = 0; k < 32; k++)
        ((int64_t *)ids.data)[k] = k * 100;
    CHECK(encode_run(i, 0) == ENCODE_OK);
    CHECK(equals_file(states.data, states.bytes, "encode.npy"));
    encode_destroy(i);
}

/* ---- memory of the caller's -------------------------------------------------------------------------------------- */

static void *read_all(const char *file, int64_t *bytes)
{
    FILE *in = fopen(file, "rb");
    if (!in || fseek(in, 0, SEEK_END))
        return NULL;
    *bytes = ftell(in);
    rewind(in);
    void *data = aligned_alloc(64, (size_t)(*bytes + 63) / 64 * 64);
    if (data && fread(data, 1, (size_t)*bytes, in) != (size_t)*bytes)
        *bytes = 0;
    fclose(in);
    return data;
}

static void test_own_memory(void)
{
    int64_t bytes = 0, room = decode_arena_bytes(0);
    char *weights = read_all(path("decode.weights"), &bytes), *arena = aligned_alloc(64, (size_t)room + 64);
    CHECK(weights && arena && room > 0);
    memset(arena, 0xab, (size_t)room + 64);
    decode_instance *i;
    decode_options o = {.weights = weights, .weights_bytes = bytes, .arena = arena, .arena_bytes = room, .check = true};
    CHECK(decode_create(&i, &o) == DECODE_OK);
    decode_tensor x;
    CHECK(decode_input(i, 0, &x) == DECODE_OK && (char *)x.data >= arena && (char *)x.data + x.bytes <= arena + room);
    CHECK(runs(&linked, i, 3, 2));
    for (int k = 0; k < 64; k++)
        CHECK((unsigned char)arena[room + k] == 0xab);
    decode_destroy(i);
    struct { const char *what; decode_options o; } wrong[] = {
        {"multiple of 64", {.weights = weights + 4, .weights_bytes = bytes}},
        {"multiple of 64", {.weights = weights, .weights_bytes = bytes, .arena = arena + 4, .arena_bytes = room}},
        {"must hold", {.weights = weights, .weights_bytes = bytes, .arena = arena, .arena_bytes = room - 1}},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        CHECK(decode_create(&i, &wrong[k].o) == DECODE_USAGE && strstr(decode_message(i), wrong[k].what));
        decode_destroy(i);
    }
    CHECK(decode_create(&i, &(decode_options){.weights = weights, .weights_bytes = bytes - 64}) == DECODE_BAD_INPUT);
    decode_destroy(i);
    weights[bytes / 2] = (char)(weights[bytes / 2] ^ 1);
    decode_options checked = {.weights = weights, .weights_bytes = bytes, .check = true};
    CHECK(decode_create(&i, &checked) == DECODE_BAD_INPUT);
    CHECK(strstr(decode_message(i), "checksum"));
    decode_destroy(i);
    free(weights);
    free(arena);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void test_errors(void)
{
    struct { int code; const char *what; decode_options o; } wrong[] = {
        {DECODE_BAD_INPUT, "absent.weights", {.weights_path = path("absent.weights")}},
        {DECODE_BAD_INPUT, "a folder", {.weights_path = path(".")}},
        {DECODE_BAD_INPUT, "another model", {.weights_path = path("encode.weights")}},
        {DECODE_BAD_INPUT, "decode.h", {.weights_path = path("decode.h")}},
        {DECODE_USAGE, "no weights", {0}},
        {DECODE_USAGE, "network 1", {.network = 1, .weights_path = path("decode.weights")}},
        {DECODE_USAGE, "network -1", {.network = -1, .weights_path = path("decode.weights")}},
    };
    decode_instance *i;
    decode_tensor t;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        CHECK(decode_create(&i, &wrong[k].o) == wrong[k].code);
        CHECK(strstr(decode_message(i), wrong[k].what));
        CHECK(decode_inputs(i) == 0 && decode_outputs(i) == 0 && decode_input_index(i, "latent_sample") == -1);
        CHECK(decode_input(i, 0, &t) == DECODE_USAGE && decode_run(i, 1) == DECODE_USAGE);
        decode_destroy(i);
    }
    decode_destroy(NULL);
    CHECK(decode_networks() == 1 && !strcmp(decode_network_name(0), "decode"));
    CHECK(!decode_network_name(1) && !decode_network_name(-1) && decode_arena_bytes(1) == -1);
}

static void test_tensors(void)
{
    decode_instance *i;
    decode_tensor x, y;
    CHECK(decode_create(&i, &(decode_options){.weights_path = path("decode.weights")}) == DECODE_OK);
    CHECK(decode_inputs(i) == 1 && decode_outputs(i) == 1 && !*decode_message(i));
    CHECK(decode_input(i, 0, &x) == DECODE_OK && decode_output(i, 0, &y) == DECODE_OK);
    CHECK(!strcmp(x.name, "latent_sample") && x.dtype == DECODE_F32);
    CHECK(x.rank == 4 && x.dim[1] == 16 && x.bytes == 1024);
    CHECK(!strcmp(y.name, "sample") && y.rank == 4 && y.dim[2] == 32 && y.bytes == 12288);
    CHECK(decode_input(i, 1, &x) == DECODE_USAGE && decode_output(i, -1, &y) == DECODE_USAGE && *decode_message(i));
    CHECK(decode_output_index(i, "sample") == 0 && decode_output_index(i, "other") == -1);
    CHECK(decode_run(i, -1) == DECODE_USAGE && decode_run(i, 100000) == DECODE_USAGE);
    decode_destroy(i);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t calls, last, total, stop_at; } Seen;

static int watch(void *user, int64_t done, int64_t total)
{
    Seen *s = user;
    CHECK(done == s->calls && total > done);
    s->calls++;
    s->total = total;
    return done == s->stop_at;
}

static void test_progress(void)
{
    decode_instance *i;
    Seen all = {.stop_at = -1}, some = {.stop_at = 10};
    CHECK(decode_create(&i, &(decode_options){.weights_path = path("decode.weights")}) == DECODE_OK);
    decode_on_progress(i, watch, &all);
    CHECK(runs(&linked, i, 3, 2));
    CHECK(all.calls == all.total && all.total > 10);
    decode_on_progress(i, watch, &some);
    CHECK(decode_run(i, 2) == DECODE_CANCELLED && some.calls == 11 && strstr(decode_message(i), "cancelled"));
    decode_on_progress(i, NULL, NULL);
    CHECK(runs(&linked, i, 4, 2));
    CHECK(some.calls == 11);
    decode_destroy(i);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    folder = argv[1];
    CHECK(decode_abi() == DECODE_ABI && encode_abi() == ENCODE_ABI);
    test_parallel(&linked);
    test_shared_object();
    test_other_library();
    test_own_memory();
    test_errors();
    test_tensors();
    test_progress();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
