#!/usr/bin/env python3
"""memory.py MODEL.onnx --shape NAME=1x4x64x64 ... [--dtype bf16] [--peer openvino] [--sdc build/sdc] [--option=...]

Memory beside the weights of a model compiled by sdc, and of peers, in MB (10^6 bytes), as Markdown rows.  Each runs by
itself, in a process of its own, one after the other, with free axes bound and inputs drawn from N(0, 1).

sdc:   peak_anon_mb of the executable under --bench 1, and the arena that the plan promised.
peers: the highest resident memory less the weights' bytes and less what the process held before it loaded the model
       (Python and the library).  Once for the runs alone, the peak being reset after loading, and once with loading.

--dtype is sdc's, and OpenVINO's INFERENCE_PRECISION_HINT.  The CPU provider of ONNX Runtime has no bf16: f32 alone.
The weights that are subtracted are those that the peer was given, in f32.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from common import SDC
from peer import status

PEERS = ("onnxruntime", "openvino")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=1x4x64x64")
    parser.add_argument("--peer", action="append", choices=PEERS, default=None, help="which peers; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", help="of the row")
    parser.add_argument("--option", action="append", default=[], help="for sdc compile: --option=--max-memory=1G")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--sdc", default=SDC)
    parser.add_argument("--load", choices=PEERS, help=argparse.SUPPRESS)
    return parser.parse_args()


def shapes(texts):
    pairs = (text.rsplit("=", 1) for text in texts)
    return {name: [] if value == "scalar" else [int(n) for n in value.split("x")] for name, value in pairs}


# ---- one peer, in a process of its own -----------------------------------------------------------------------------

def drawn(shape, is_float):
    import numpy
    random = numpy.random.default_rng(0)
    return random.standard_normal(shape).astype(numpy.float32) if is_float else random.integers(0, 100, shape)


def load_onnxruntime(a):
    import onnxruntime
    before = status("VmRSS")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
    shape = shapes(a.shape)
    given = {p.name: drawn(shape[p.name], "float" in p.type) for p in session.get_inputs()}
    return before, onnxruntime.__version__, lambda: session.run(None, given)


def load_openvino(a):
    import openvino
    before = status("VmRSS")
    core = openvino.Core()
    model = core.read_model(a.model)
    shape = shapes(a.shape)
    model.reshape({p.any_name: shape[p.any_name] for p in model.inputs})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": a.threads,
                                                 "INFERENCE_PRECISION_HINT": a.dtype})
    given = {p.any_name: drawn(shape[p.any_name], "f" in p.element_type.to_string()) for p in compiled.inputs}
    return before, openvino.__version__, lambda: compiled(given)


def measure_peer(a):
    before, version, run = {"onnxruntime": load_onnxruntime, "openvino": load_openvino}[a.load](a)
    loaded = status("VmHWM")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")                                             # resets VmHWM
    for _ in range(2):
        run()
    runs = status("VmHWM")
    print(json.dumps({"version": version, "before": before, "peak": max(loaded, runs), "runs": runs}))


# ---- all of them ---------------------------------------------------------------------------------------------------

def compile_and_bench(a, folder):
    exe = os.path.join(folder, "model")
    options = [text for shape in a.shape if not shape.endswith("=scalar") for text in ("--shape", shape)]
    subprocess.run([a.sdc, "compile", a.model, "-o", exe, "--quiet", "--dtype", a.dtype, *options, *a.option],
                   check=True)
    info = json.loads(subprocess.run([exe, "--info", "--json"], check=True, capture_output=True).stdout)
    bench = subprocess.run([exe, "--bench", "1", "--json", "--threads", str(a.threads)], check=True,
                           capture_output=True)
    return info["memory"], json.loads(bench.stdout)


def main():
    a = arguments()
    if a.load:
        return measure_peer(a)
    with tempfile.TemporaryDirectory() as folder:
        memory, bench = compile_and_bench(a, folder)
    name = a.name or os.path.basename(os.path.dirname(os.path.abspath(a.model)))
    weights = sum(os.path.getsize(os.path.join(os.path.dirname(os.path.abspath(a.model)), file))
                  for file in ("model.onnx", "weights.bin"))
    anonymous = bench["peak_anon_mb"] * 1.048576
    print(f"| {name} | {a.dtype} | sdc | {memory['arena_bytes'] / 1e6:.0f} | {anonymous:.0f} | |", flush=True)
    for peer in a.peer or (PEERS if a.dtype == "f32" else ["openvino"]):
        command = [sys.executable, os.path.abspath(__file__), a.model, "--load", peer, "--threads", str(a.threads),
                   "--dtype", a.dtype]
        for shape in a.shape:
            command += ["--shape", shape]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.stderr.write(done.stderr)
            print(f"| {name} | {a.dtype} | {peer} | | failed | |", flush=True)
            continue
        m = json.loads(done.stdout.splitlines()[-1])
        print(f"| {name} | {a.dtype} | {peer} {m['version'].split('-')[0]} | "
              f"| {(m['runs'] - weights - m['before']) / 1e6:.0f} "
              f"| {(m['peak'] - weights - m['before']) / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
