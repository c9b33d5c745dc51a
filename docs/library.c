/* library.c: a program around a network that `sdc compile --emit lib` made (README.md has the commands): decodes empty
 * latents, shows the progress and prints what came out. */
#include <stdio.h>
#include <string.h>

#include "net.h"

static int show(void *user, int64_t done, int64_t total)
{
    (void)user;
    fprintf(stderr, "\r%d of %d", (int)done + 1, (int)total);
    return 0;                           /* anything else ends the run */
}

static double mean(const net_tensor *t)
{
    double sum = 0;
    int64_t n = t->bytes / (int64_t)sizeof(float);
    for (int64_t k = 0; k < n; k++)
        sum += ((const float *)t->data)[k];
    return sum / (double)n;
}

int main(void)
{
    net_instance *net;
    net_tensor x, y;
    int code = net_create(&net, &(net_options){.weights_path = "net.weights"});
    if (!code && !(code = net_input(net, 0, &x)) && !(code = net_output(net, 0, &y))) {
        memset(x.data, 0, (size_t)x.bytes);
        net_on_progress(net, show, NULL);
        code = net_run(net, 0);
        if (!code)
            printf("\n%s: %d x %d pixels, mean %.4f\n", y.name, (int)y.dim[3], (int)y.dim[2], mean(&y));
    }
    if (code)
        fprintf(stderr, "%s\n", net_message(net));
    net_destroy(net);
    return code;
}
