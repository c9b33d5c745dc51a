/* upgrade.h: the readers that opset.def names. */
#ifndef SDC_UPGRADE_H
#define SDC_UPGRADE_H

#include "onnx.h"

#define OPSET(Name, since, reader) Reader read_##reader;
#include "opset.def"
#undef OPSET

#endif
