/* fuse.h: between fuse.c and prologue.c. */
#ifndef SDC_FUSE_H
#define SDC_FUSE_H

#include "../ir/sdc.h"

bool joins(const Node *n);                      /* elementwise, computed in float, and by itself in its graph */

/* The norm and the elementwise nodes through which the convolution's input 0 goes, and its up-sampling, in execution
 * order, if they may be done where it loads them; how many there are, at most `room`. */
int find_prologue(const Node *conv, Node **into, int room);
/* An up-sampling that only convolutions read becomes one for each. */
void part_upsampling(Node *resize);

#endif
