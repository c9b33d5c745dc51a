/* pool.c: a fixed set of threads that share one loop at a time.
 *
 * Work is cut into one contiguous range a thread, always the same way, so each touches about the same memory in every
 * layer.  A thread takes half of what is left of its range at a time, and when nothing is, half of what is left of
 * another's, from its end: cores are not equally fast where hosts have other guests, or kinds of cores.  A unit's result
 * does not depend on who computes it.  A posted job is a new `generation`.  Threads spin for SPIN_NS, about the gap
 * between two kernels, then sleep in a futex; with more threads than CPUs they sleep at once, since a spinning thread
 * would hold the CPU that another one needs to finish.
 *
 * Every worker takes part in every job, even with an empty range: the job's fields may change only when all have
 * counted themselves out of `pending`.  A pool that is in use already (a nested call, or two instances sharing it)
 * does not block: the second caller runs its loop alone. */
#define _GNU_SOURCE 1
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"
#include "runtime.h"

enum { SPIN_NS = 30000, CACHE_LINE = 64 };

typedef struct {
    _Alignas(CACHE_LINE) atomic_uint_least64_t left;    /* pieces of its range: the first << 32 | the end */
    SdcPool *pool;
    pthread_t thread;
    int index;                              /* 1 .. threads-1; the caller is 0 */
    int64_t busy_ns;                        /* while the pool is measured */
} Worker;

struct SdcPool {
    _Alignas(CACHE_LINE) atomic_uint generation;    /* futex of the workers: the job they look at */
    atomic_uint sleeping;                           /* workers in, or about to enter, the futex */
    _Alignas(CACHE_LINE) atomic_uint pending;       /* futex of the caller: workers still at this job */
    atomic_bool waiting;                            /* the caller is in, or about to enter, the futex */
    _Alignas(CACHE_LINE) atomic_flag busy;
    SdcPart *part;                                  /* the job; NULL: stop */
    void *argument;
    int64_t units, piece;                           /* piece: units; 1 but for more than 2^32 of them */
    int threads;
    int64_t spin_ns, parallel_ns;
    double spans[SDC_SPANS];
    bool measured;
    Worker worker[];
};

static void futex_wait(atomic_uint *word, unsigned expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spin while *word == value, at most `ns`; the value seen last. */
static unsigned spin_while(atomic_uint *word, unsigned value, int64_t ns)
{
    unsigned seen = atomic_load(word);
    if (ns <= 0 || seen != value)
        return seen;
    int64_t end = now_ns() + ns;
    do {
        for (int i = 0; i < 16; i++) {
            relax();
            seen = atomic_load_explicit(word, memory_order_acquire);
            if (seen != value)
                return seen;
        }
    } while (now_ns() < end);
    return seen;
}

static uint64_t range(uint64_t first, uint64_t end) { return first << 32 | end; }

/* Each thread's range, in pieces. */
static void share_out(SdcPool *p)
{
    p->piece = (p->units + UINT32_MAX - 1) / UINT32_MAX;
    const uint64_t pieces = (uint64_t)((p->units + p->piece - 1) / p->piece), threads = (uint64_t)p->threads;
    const uint64_t quotient = pieces / threads, remainder = pieces % threads;
    for (uint64_t i = 0, first = 0; i < threads; i++) {
        const uint64_t end = first + quotient + (i < remainder);
        atomic_store_explicit(&p->worker[i].left, range(first, end), memory_order_relaxed);
        first = end;
    }
}

/* Run half of what is left of the range of `of`, from its front or from its end; false when nothing is. */
static bool run_half(SdcPool *p, Worker *of, bool front)
{
    uint64_t left = atomic_load(&of->left), first, end, taken;
    do {
        first = left >> 32;
        end = left & UINT32_MAX;
        if (first == end)
            return false;
        taken = (end - first + 1) / 2;
    } while (!atomic_compare_exchange_weak(&of->left, &left, front ? range(first + taken, end) : range(first, end - taken)));
    const int64_t begin = (int64_t)(front ? first : end - taken) * p->piece, most = p->units - begin;
    const int64_t count = (int64_t)taken * p->piece;
    p->part(p->argument, begin, begin + (count < most ? count : most));
    return true;
}

static void run_share(SdcPool *p, int index)
{
    int64_t start = p->measured ? now_ns() : 0;
    while (run_half(p, &p->worker[index], true))
        ;
    for (int i = 1; i < p->threads; i++)
        while (run_half(p, &p->worker[(index + i) % p->threads], false))
            ;
    if (p->measured)
        p->worker[index].busy_ns += now_ns() - start;
}

static void *worker_main(void *argument)
{
    Worker *self = argument;
    SdcPool *p = self->pool;
    for (unsigned seen = 0;;) {
        unsigned posted = spin_while(&p->generation, seen, p->spin_ns);
        while (posted == seen) {
            atomic_fetch_add(&p->sleeping, 1);
            futex_wait(&p->generation, seen);       /* returns at once when it has changed already */
            atomic_fetch_sub(&p->sleeping, 1);
            posted = atomic_load(&p->generation);
        }
        seen = posted;
        if (!p->part)
            return NULL;
        run_share(p, self->index);
        if (atomic_fetch_sub(&p->pending, 1) == 1 && atomic_load(&p->waiting))
            futex_wake(&p->pending);
    }
}

/* Publish the job in p->part, argument and units. */
static void post(SdcPool *p)
{
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->sleeping) > 0)
        futex_wake(&p->generation);
}

static void wait_for_workers(SdcPool *p)
{
    int64_t end = p->spin_ns > 0 ? now_ns() + p->spin_ns : 0;
    unsigned left = atomic_load(&p->pending);
    while (left && end && now_ns() < end)
        left = spin_while(&p->pending, left, p->spin_ns);
    if (!left)
        return;
    atomic_store(&p->waiting, true);
    while ((left = atomic_load(&p->pending)) != 0)
        futex_wait(&p->pending, left);
    atomic_store(&p->waiting, false);
}

const int sdc_span_threads[SDC_SPANS] = {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256};

static int64_t busy_ns(const SdcPool *p)
{
    int64_t sum = 0;
    for (int i = 0; i < p->threads; i++)
        sum += p->worker[i].busy_ns;
    return sum;
}

/* A loop that began at `start`, with the threads' work so far: all its units are taken to be as long. */
static void account(SdcPool *p, int64_t start, int64_t busy)
{
    double unit = (double)(busy_ns(p) - busy) * 1e-9 / (double)p->units;
    p->parallel_ns += now_ns() - start;
    for (int k = 0; k < SDC_SPANS; k++)
        p->spans[k] += unit * (double)((p->units + sdc_span_threads[k] - 1) / sdc_span_threads[k]);
}

void sdc_parallel(SdcContext *c, SdcPart *part, void *argument, int64_t units)
{
    SdcPool *p = c->pool;
    if (units <= 0)
        return;
    if (!p || (p->threads == 1 && !p->measured) || units == 1 ||
        atomic_flag_test_and_set_explicit(&p->busy, memory_order_acquire)) {
        part(argument, 0, units);
        return;
    }
    int64_t start = p->measured ? now_ns() : 0, busy = p->measured ? busy_ns(p) : 0;
    p->part = part;
    p->argument = argument;
    p->units = units;
    share_out(p);
    atomic_store(&p->pending, (unsigned)(p->threads - 1));
    post(p);
    run_share(p, 0);
    wait_for_workers(p);
    if (p->measured)
        account(p, start, busy);
    atomic_flag_clear_explicit(&p->busy, memory_order_release);
}

/* Start worker `index`; signals go to the thread that called, except those that a thread's own fault raises. */
static bool start_worker(SdcPool *p, int index)
{
    static const int faults[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE};
    Worker *w = &p->worker[index];
    *w = (Worker){.pool = p, .index = index};
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setstacksize(&attributes, SDC_STACK_BYTES) == 0;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = started && pthread_create(&w->thread, &attributes, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void stop_workers(SdcPool *p, int threads)
{
    p->part = NULL;
    post(p);
    for (int i = 1; i < threads; i++)
        pthread_join(p->worker[i].thread, NULL);
}

SdcPool *sdc_pool_create(int threads)
{
    if (threads < 1)
        threads = 1;
    size_t bytes = sizeof(SdcPool) + (size_t)threads * sizeof(Worker);
    SdcPool *p = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!p)
        return NULL;
    *p = (SdcPool){.threads = threads, .spin_ns = threads > sdc_default_threads() ? 0 : SPIN_NS};
    p->worker[0] = (Worker){.pool = p};
    atomic_flag_clear(&p->busy);
    for (int i = 1; i < threads; i++) {
        if (!start_worker(p, i)) {
            stop_workers(p, i);
            free(p);
            return NULL;
        }
    }
    return p;
}

void sdc_pool_destroy(SdcPool *pool)
{
    if (!pool)
        return;
    stop_workers(pool, pool->threads);
    free(pool);
}

int sdc_pool_pin(SdcPool *pool)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)        /* a machine of more CPUs than the set has */
        return sdc_error(SDC_UNSUPPORTED, "--pin: the CPUs that this process may use are not known");
    if (pool->threads > CPU_COUNT(&allowed))
        return sdc_error(SDC_USAGE, "--pin: %d threads, but this process may use %d CPUs", pool->threads, CPU_COUNT(&allowed));
    size_t cpu = 0;
    for (int i = 0; i < pool->threads; i++, cpu++) {
        while (!CPU_ISSET(cpu, &allowed))
            cpu++;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (pthread_setaffinity_np(i ? pool->worker[i].thread : pthread_self(), sizeof one, &one) != 0)
            return sdc_error(SDC_UNSUPPORTED, "--pin: thread %d can not be kept on CPU %zu", i, cpu);
    }
    return SDC_OK;
}

int sdc_pool_threads(const SdcPool *pool) { return pool ? pool->threads : 1; }

void sdc_pool_measure(SdcPool *pool, bool on)
{
    if (pool)
        pool->measured = on;
}

SdcPoolTimes sdc_pool_times(const SdcPool *pool)
{
    SdcPoolTimes t = {0};
    if (!pool)
        return t;
    t.busy = (double)busy_ns(pool) * 1e-9;
    t.parallel = (double)pool->parallel_ns * 1e-9;
    memcpy(t.spans, pool->spans, sizeof t.spans);
    return t;
}
