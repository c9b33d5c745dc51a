/* main.c: where every executable that sdc emits begins. */
#include "fileio.h"
#include "runtime.h"

int main(int argc, char **argv)
{
    sdc_signals_guard();
    int code = sdc_self_open();
    if (!code)
        code = sdc_cpu_check(sdc_model.isa);
    if (code)
        return code;
    return sdc_model.driver ? sdc_model.driver(argc, argv) : sdc_model_main(argc, argv);
}
