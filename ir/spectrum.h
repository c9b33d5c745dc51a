/* spectrum.h: the discrete Fourier transform as its shape rule, oracle and lowering see it. */
#ifndef SDC_SPECTRUM_H
#define SDC_SPECTRUM_H

#include "sdc.h"

typedef struct {
    int axis;
    int64_t length;                 /* of the transform: the data is cut or padded with zeros to it */
    bool inverse;
    bool onesided;                  /* forward: only bins 0..length/2; inverse: they are given and the result is real */
    int64_t in, out;                /* extents along the axis */
    int parts_in, parts_out;        /* 1: real, 2: (real, imaginary), along the last axis */
} Transform;

/* DFT over operands (data, length, axis), the latter two constant.  Fails the node on anything that does not fit. */
Transform signal_transform(const Node *n);

/* STFT: number of frames, and the length of one; frames start frame_step apart. */
typedef struct { int64_t frames, length, step; } Frames;
Frames signal_frames(const Node *n);

#endif
