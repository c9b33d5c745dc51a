"""models.py: the networks that bench/run times, and their inputs.

A network is a folder with model.onnx and spec.json, or a graph NAME.onnx.xz whose weights fill_weights.py beside it makes.
spec.json: `inputs`, each with `name`, `shape`, `dtype` and `kind` ("normal": N(0, 1); "ids": token ids below `max` between
`bos` and `eos`; else a number or list), and if known `tflop` (2 x multiply-adds of one run) and `torch` (see torch_net.py).
"""
import array
import json
import os
import random
import subprocess
import sys

from common import note, write_npy

TYPES = {"float32": ("<f4", "f"), "int64": ("<i8", "q"), "int32": ("<i4", "i"), "bool": ("|b1", "b")}
GRAPH = ".onnx.xz"


class Model:
    """One network at one batch size.  inputs: name -> (shape, file)."""

    def __init__(self, folder, batch, work):
        with open(os.path.join(folder, "spec.json")) as file:
            self.spec = json.load(file)
        self.name = self.spec.get("name") or os.path.basename(os.path.normpath(folder))
        self.batch = batch
        self.label = self.name if batch == 1 else f"{self.name} x{batch}"
        self.path = os.path.join(os.path.abspath(folder), "model.onnx")
        self.weight_bytes = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
                                if name.startswith(("model.onnx", "weights")))
        self.flops = self.spec.get("tflop", 0) * 1e12 * batch
        self.inputs = {}
        for k, port in enumerate(self.spec["inputs"]):
            shape = list(port["shape"])
            if shape and port["name"] != "timestep":                    # SD3 has one timestep for the whole batch
                shape[0] *= batch
            file = os.path.join(work, f"input_{k}.npy")
            write_input(file, port, shape, k)
            self.inputs[port["name"]] = (shape, file)

    def shape_options(self):
        return [f"--shape={name}=" + ("x".join(map(str, shape)) or "scalar")
                for name, (shape, _) in self.inputs.items()]

    def input_options(self):
        return [f"--input={name}={file}" for name, (_, file) in self.inputs.items()]


def write_input(file, port, shape, seed):
    descr, code = TYPES[port["dtype"]]
    count = 1
    for extent in shape:
        count *= extent
    draw, kind = random.Random(seed), port["kind"]
    if kind == "normal":
        values = [draw.gauss(0, 1) for _ in range(count)]
    elif kind == "ids":
        values = [text_id(draw, port, k // shape[-1], k % shape[-1], shape[-1]) for k in range(count)]
    else:
        given = kind if isinstance(kind, list) else [kind]
        values = [given[k % len(given)] for k in range(count)]
    write_npy(file, descr, shape, array.array(code, values))


def text_id(draw, port, row, column, columns):
    """A start token, a few words, then end tokens."""
    if column == 0 and "bos" in port:
        return port["bos"]
    words = min(9 + 3 * row, columns - 1)
    return port.get("eos", 1) if column >= words else draw.randrange(min(1000, port["max"] // 2), port["max"])


def prefer(name):
    """A key to sort networks by: a diffusion model's usual parts, the text encoder first."""
    order = ("clip", "t5", "unet", "sd3-medium", "sd35", "vae")
    return (next((k for k, part in enumerate(order) if part in name), len(order)), name)


def find(sources):
    """name -> folder or graph, of all networks that the sources hold."""
    found = {}
    for source in sources:
        for path in [source] + [os.path.join(source, name) for name in sorted(entries(source))]:
            if os.path.exists(os.path.join(path, "model.onnx")) and os.path.exists(os.path.join(path, "spec.json")):
                found.setdefault(os.path.basename(os.path.normpath(path)), path)
            elif path.endswith(GRAPH):
                found.setdefault(os.path.basename(path)[:-len(GRAPH)], path)
    return found


def entries(source):
    return os.listdir(source) if os.path.isdir(source) else []


def prepare(name, path, work):
    """The folder of a network; a graph's is made in work, or taken from there if an earlier run left it complete."""
    if not path.endswith(GRAPH):
        return path
    folder = os.path.join(work, name)
    if not os.path.exists(os.path.join(folder, "spec.json")):           # written last
        note(f"{name}: filling the weights")
        fill = os.path.join(os.path.dirname(os.path.abspath(path)), "fill_weights.py")
        done = subprocess.run([sys.executable, "-B", fill, path, folder], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("fill_weights.py: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
    return folder
