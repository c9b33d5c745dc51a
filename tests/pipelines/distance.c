/* distance.c: are two arrays the same but for rounding?
 *
 *      distance GOT WANTED LIMIT
 *
 * Prints their relative RMS; the exit code is 1 when it is not below LIMIT. */
#include <stdio.h>
#include <stdlib.h>

#include "record.h"

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s GOT WANTED LIMIT\n", argv[0]);
        return 1;
    }
    SdcArray got = record_array(argv[1], "array"), want = record_array(argv[2], "array");
    double d = got.count == want.count ? record_distance(&got, 0, &want, 0, want.count) : 1;
    printf("%s is %.1e from %s\n", argv[1], d, argv[2]);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d < strtod(argv[3], NULL) ? 0 : 1;
}
