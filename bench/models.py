"""models.py: the networks that bench/run times, and their inputs.

A network is a folder with model.onnx and spec.json, a graph NAME.onnx.xz whose weights fill_weights.py beside it makes,
or any FILE.onnx:INPUT=1x4x64x64,... with its inputs' shapes.

spec.json has `inputs`, each with `name`, `shape`, `dtype` and `kind` ("normal": N(0, 1); "ids": token ids below `max`
between `bos` and `eos`; else a number or list), and if known `tflop` (2 x multiply-adds of one run) and `torch` (see
torch_net.py).
"""
import array
import json
import os
import random
import re
import subprocess
import sys

from common import note, write_npy

TYPES = {"float32": ("<f4", "f"), "int64": ("<i8", "q"), "int32": ("<i4", "i"), "bool": ("|b1", "b")}
STORED = {"f32": "float32", "i64": "int64", "i32": "int32", "bool": "bool"}
GRAPH, FILE = ".onnx.xz", ".onnx:"


class Model:
    """One network at one batch size.  inputs: name -> (shape, file)."""

    def __init__(self, name, path, spec, batch, work):
        self.name, self.path, self.spec, self.batch = name, os.path.abspath(path), spec, batch
        self.label = name if batch == 1 else f"{name} x{batch}"
        self.weight_bytes = sum(map(os.path.getsize, files(self.path)))
        self.flops = spec.get("tflop", 0) * 1e12 * batch
        self.inputs = {}
        for k, port in enumerate(spec["inputs"]):
            shape = list(port["shape"])
            if shape and port["name"] != "timestep":                    # SD3 has one timestep for the whole batch
                shape[0] *= batch
            array_file = os.path.join(work, f"input_{k}.npy")
            write_input(array_file, port, shape, k)
            self.inputs[port["name"]] = (shape, array_file)

    def shape_options(self):
        return [f"--shape={name}=" + ("x".join(map(str, shape)) or "scalar")
                for name, (shape, _) in self.inputs.items()]

    def input_options(self):
        return [f"--input={name}={file}" for name, (_, file) in self.inputs.items()]


def files(path):
    """Those of an ONNX file with its external data."""
    folder, file = os.path.split(path)
    return [os.path.join(folder, other) for other in os.listdir(folder) if other.startswith((file, "weights"))]


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
    """name -> folder, graph or file with shapes, of all networks that the sources hold."""
    found = {}
    for source in sources:
        if FILE in source:
            parts = source.partition(FILE)[0].split(os.sep)
            found["-".join(parts[-3:-1] if parts[-1] == "model" and len(parts) > 2 else parts[-1:])] = source
            continue
        for path in [source] + [os.path.join(source, name) for name in sorted(entries(source))]:
            if os.path.exists(os.path.join(path, "model.onnx")) and os.path.exists(os.path.join(path, "spec.json")):
                found.setdefault(os.path.basename(os.path.normpath(path)), path)
            elif path.endswith(GRAPH):
                found.setdefault(os.path.basename(path)[:-len(GRAPH)], path)
    return found


def entries(source):
    return os.listdir(source) if os.path.isdir(source) else []


def described(text, sdc):
    """A spec like that of spec.json for FILE.onnx:INPUT=SHAPE,...; the types are known to sdc."""
    path, _, shapes = text.partition(FILE)
    path += FILE[:-1]
    done = subprocess.run([sdc, "inspect", path], capture_output=True, text=True)
    types = dict(re.findall(r"^input +(\S+) +(\S+) +\[", done.stdout, re.MULTILINE))
    ports = []
    for name, _, shape in (one.rpartition("=") for one in shapes.split(",")):
        if types.get(name) not in STORED:
            raise ValueError(f"{path}: no input '{name}' of a type that is known here: {done.stderr.strip()}")
        extents = [] if shape == "scalar" else [int(extent) for extent in shape.split("x")]
        kind = "normal" if types[name] == "f32" else "ids" if len(extents) > 1 else 1
        ports.append({"name": name, "shape": extents, "dtype": STORED[types[name]], "kind": kind, "max": 100})
    return path, {"inputs": ports}


def prepare(name, source, work, sdc):
    """File and spec of a network; a graph's are made in work, unless an earlier run left them there complete."""
    if FILE in source:
        return described(source, sdc)
    folder = source
    if source.endswith(GRAPH):
        folder = os.path.join(work, name)
        if not os.path.exists(os.path.join(folder, "spec.json")):       # written behind the weights
            fill(name, source, folder)
    with open(os.path.join(folder, "spec.json")) as file:
        return os.path.join(folder, "model.onnx"), json.load(file)


def fill(name, graph, folder):
    note(f"{name}: filling the weights")
    script = os.path.join(os.path.dirname(os.path.abspath(graph)), "fill_weights.py")
    done = subprocess.run([sys.executable, "-B", script, graph, folder], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("fill_weights.py: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
