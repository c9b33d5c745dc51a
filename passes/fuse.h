/* fuse.h: between fuse.c, prologue.c, shortcut.c, modulation.c and padding.c. */
#ifndef SDC_FUSE_H
#define SDC_FUSE_H

#include "../ir/sdc.h"

bool joins(const Node *n);                      /* elementwise, computed in float, and by itself in its graph */
bool is_anchor(const Node *n);                  /* a convolution, product or norm that a group may begin with */

/* The norm and the elementwise nodes through which the convolution's input 0 goes, and its up-sampling, in execution
 * order, if they may be done where it loads them; how many there are, at most `room`. */
int find_prologue(const Node *conv, Node **into, int room);
/* An up-sampling that only convolutions read becomes one for each. */
void part_upsampling(Node *resize);

/* Does sum add a convolution and a 1x1 one, `shortcut`, that one kernel may do?  A miss is recorded. */
bool find_shortcut(const Node *sum, Node **conv, Node **shortcut);

/* A norm that several groups of elementwise nodes read becomes one for each. */
void part_norm(Node *norm);

/* A convolution pads its input itself. */
void take_padding(Node *conv);

#endif
