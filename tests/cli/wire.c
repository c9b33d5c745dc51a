/* wire.c: writes the protobuf message that its first argument spells (frontend/wire_text.h) to its second. */
#include <stdio.h>

#include "../frontend/wire_text.h"

int main(int argc, char **argv)
{
    Bytes b = {0};
    if (argc != 3)
        return 1;
    wire_text(&b, argv[1]);
    FILE *out = fopen(argv[2], "wb");
    return !out || fwrite(b.data, 1, b.count, out) != b.count || fclose(out);
}
