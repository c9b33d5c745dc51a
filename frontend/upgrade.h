/* upgrade.h: the readers that opset.def names. */
#ifndef SDC_UPGRADE_H
#define SDC_UPGRADE_H

#include "onnx.h"

#define OPSET(Name, since, reader) Reader read_##reader;
#define PREVIEW(domain, Name, reader) Reader read_##reader;
#include "opset.def"
#undef PREVIEW
#undef OPSET

#endif
