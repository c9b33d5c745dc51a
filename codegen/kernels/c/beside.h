/* beside.h: an image whose channels lie in two images, one after the other: a concatenation that was never made.
 *
 * Parameters of the templates that include it; without them x has all channels:
 *
 *   BESIDE(X)    X(beside), which gives the function the parameter `const st_TX *beside`
 *   FIRST_C      channels of x; the others are those of `beside` */
#ifndef SDC_BESIDE_H
#define SDC_BESIDE_H

#define SDC_BESIDE_PARAMETER(name) , const SDC_CAT(st_, TX) *name
#define SDC_BESIDE_FIELD(name) .name = name,

#endif

/* For every instance anew. */
#ifndef FIRST_C
#define BESIDE(X)
#endif
