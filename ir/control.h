/* control.h: what shape rules and evaluators of If, Loop and Scan share. */
#ifndef SDC_CONTROL_H
#define SDC_CONTROL_H

#include "sdc.h"

Graph *subgraph_of(const Node *n, const char *name);    /* graph attribute; fails the node when it is missing */

/* Scan input (or output) k is read (written) along `axis` of the whole, from its end when backwards. */
typedef struct { int axis; bool backwards; } ScanWay;
ScanWay scan_input_way(const Node *n, int k, int rank);
ScanWay scan_output_way(const Node *n, int k, int rank);

#endif
