"""torch_net.py: the PyTorch module that an ONNX file was exported from, with that file's weights.

spec["torch"] names the class of diffusers or transformers (`cls`), its configuration (`config`) and how it is called
(`kind`).  The exporter keeps the names of most parameters; matrices of linear layers stand transposed, and scales and
shifts of GroupNorm reshaped, under names of its own: those are known from the nodes that read them, whose names are
paths of modules.  Some versions of transformers have a text encoder in a module of its own, others have not.
"""
import importlib
import os

import numpy
import onnx
import torch

UNUSED = {"vaed": ("encoder", "quant_conv"), "vaee": ("decoder", "post_quant_conv")}
WRAPPER = "text_model"
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
ROLES = {"MatMul": "weight", "Mul": "weight", "Add": "bias"}


def build(spec):
    """The module, its parameters not set."""
    name = spec["torch"]["cls"]
    library = importlib.import_module("transformers" if name.startswith(("CLIP", "T5")) else "diffusers")
    initialise = {f: getattr(torch.nn.init, f) for f in dir(torch.nn.init) if f.endswith("_") and not f.startswith("_")}
    for f in initialise:
        setattr(torch.nn.init, f, lambda tensor, *rest, **named: tensor)
    try:
        config = spec["torch"]["config"]
        if library.__name__ == "transformers":
            kind = "CLIPTextConfig" if name.startswith("CLIP") else "T5Config"
            return getattr(library, name)(getattr(library, kind)(**config))
        return getattr(library, name).from_config(config)
    finally:
        for f, function in initialise.items():
            setattr(torch.nn.init, f, function)


class Net(torch.nn.Module):
    """The first output as a function of the inputs in the ONNX file's order."""

    def __init__(self, module, kind):
        super().__init__()
        self.module, self.kind = module, kind

    def forward(self, *x):
        m, kind = self.module, self.kind
        if kind == "unet":
            more = {"added_cond_kwargs": {"text_embeds": x[3], "time_ids": x[4]}} if len(x) > 3 else {}
            return m(x[0], x[1], x[2], return_dict=False, **more)[0]
        if kind == "vaed":
            return m.decode(x[0], return_dict=False)[0]
        if kind == "vaee":
            return m._encode(x[0])
        if kind == "sd3":
            return m(*x, return_dict=False)[0]
        return m(input_ids=x[0])[0]


# ---- weights --------------------------------------------------------------------------------------------------------

def stored(tensor, folder):
    """An initializer's values; those in a file of their own are mapped, not read."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return onnx.numpy_helper.to_array(tensor)
    entry = {x.key: x.value for x in tensor.external_data}
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    file = os.path.join(folder, entry["location"])
    return numpy.memmap(file, dtype, "c", int(entry.get("offset", 0)), tuple(tensor.dims))


def state(module):
    return {**dict(module.named_buffers(remove_duplicate=False)),
            **dict(module.named_parameters(remove_duplicate=False))}


def owned(module, node):
    """Of the module that the node's name is the path of, the parameter that this operator reads; or None."""
    path = ".".join(node.name.strip("/").split("/")[:-1]).removeprefix(WRAPPER + ".")
    try:
        owner = module.get_submodule(path)
    except AttributeError:
        return None
    own = [name for name in state(owner) if "." not in name]
    name = ROLES.get(node.op_type) if ROLES.get(node.op_type) in own else own[0] if len(own) == 1 else None
    return name and (f"{path}.{name}" if path else name)


def load(module, path):
    """Copies the weights of an ONNX file; every parameter must be among them."""
    graph = onnx.load(path, load_external_data=False).graph
    values = {tensor.name: tensor for tensor in graph.initializer}
    module = getattr(module, WRAPPER, module)
    targets, done = state(module), set()
    for node, operand in ((node, operand) for node in graph.node for operand in node.input if operand in values):
        name = operand.removeprefix(WRAPPER + ".")
        kept = name in targets
        name = name if kept else owned(module, node)
        if name is None or name in done:
            continue
        value = torch.from_numpy(numpy.asarray(stored(values[operand], os.path.dirname(path))))
        if value.numel() == targets[name].numel():
            value = value.t() if node.op_type == "MatMul" and not kept else value
            targets[name].data.copy_(value.reshape(targets[name].shape))
            done.add(name)
    missing = {name for name, _ in module.named_parameters()} - done
    if missing:
        raise ValueError(f"{path} has no weights for {len(missing)} parameters, such as {min(missing)}")


def loaded(spec, path, dtype):
    """The module with its weights; pictures lie with channels last, which is faster in every convolution."""
    module = build(spec).eval()
    for part in UNUSED.get(spec["torch"]["kind"], ()):
        setattr(module, part, None)
    load(module, path)
    return module.to(dtype).to(memory_format=torch.channels_last)


def make(job, given):
    """The network, and its inputs as tensors."""
    dtype = DTYPES[job["dtype"]]
    net = Net(loaded(job["spec"], job["model"], dtype), job["spec"]["torch"]["kind"]).eval()
    inputs = []
    for value in map(torch.from_numpy, given.values()):
        if value.is_floating_point() and value.dim() > 1:               # a timestep keeps its precision
            value = value.to(dtype)
        inputs.append(value.to(memory_format=torch.channels_last) if value.dim() == 4 else value)
    return net, inputs
