/* child.c: an executable of ours, or an emulator that runs it, as a child process, which ends with us. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

static volatile pid_t running;

/* Async-signal-safe. */
static void stop_running(void)
{
    if (running) {
        kill(running, SIGKILL);
        waitpid(running, NULL, 0);
    }
}

static void become(char *const *arguments, const char *output)
{
    int fd = output ? open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : STDOUT_FILENO;
    if (fd >= 0 && (fd == STDOUT_FILENO || dup2(fd, STDOUT_FILENO) >= 0))
        execvp(arguments[0], arguments);
    _exit(sdc_error(SDC_BAD_INPUT, "can not run %s: %s", arguments[0], strerror(errno)));
}

void run_executable(char *const *arguments, const char *output)
{
    int status;
    fflush(stdout);
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        fail(SDC_NO_SPACE, "can not start %s: %s", arguments[0], strerror(errno));
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            become(arguments, output);
        _exit(127);
    }
    running = child;
    stop_at_exit(stop_running);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    running = 0;
    if (WIFSIGNALED(status))
        fail(SDC_BUG, "the executable was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status))
        exit(WEXITSTATUS(status));  /* it has said why */
}
