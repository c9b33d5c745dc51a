#!/usr/bin/env python3
"""against_ort.py MODEL.onnx --shape NAME=1x4x64x64 ... [--rounds 5] [--threads 2] [--sdc build/sdc]

Times a model compiled by sdc against ONNX Runtime (needs numpy and onnxruntime), in turns within one run, so that a shared
machine slows both alike.  Inputs are normally distributed, never zeros.  Prints a Markdown row: medians, the median of
the rounds' ratios (below 1: sdc is faster) and peak memory.  ONNX Runtime sees the free axes bound and all its optimisations.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time

import numpy
import onnxruntime


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=1x4x64x64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3, help="timed runs in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sdc", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "sdc"))
    return parser.parse_args()


def shapes(texts):
    pairs = (text.rsplit("=", 1) for text in texts)
    return {name: [] if value == "scalar" else [int(n) for n in value.split("x")] for name, value in pairs}


def feeds(session, shape):
    random = numpy.random.default_rng(0)
    made = {}
    for port in session.get_inputs():
        if "float" in port.type:
            made[port.name] = numpy.asarray(random.standard_normal(shape[port.name]), numpy.float32)
        else:
            made[port.name] = random.integers(0, 100, shape[port.name])
    return made


def time_ort(session, given, runs):
    session.run(None, given)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        session.run(None, given)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def main():
    a = arguments()
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "model")
        begin = time.perf_counter()
        subprocess.run([a.sdc, "compile", a.model, "-o", program, "--quiet"] + [f"--shape={s}" for s in a.shape], check=True)
        compile_seconds = time.perf_counter() - begin
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = a.threads
        session = onnxruntime.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
        given = feeds(session, shapes(a.shape))
        ours, theirs, memory = [], [], 0
        for _ in range(a.rounds):
            out = subprocess.run([program, "--bench", str(a.runs), "--threads", str(a.threads), "--json"], check=True, capture_output=True)
            result = json.loads(out.stdout)
            ours.append(result["median_ms"])
            memory = max(memory, result["peak_rss_mb"])
            theirs.append(time_ort(session, given, a.runs))
        ratio = statistics.median(x / y for x, y in zip(ours, theirs))
        ort_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("| model | sdc ms | ONNX Runtime ms | ratio | sdc peak MiB | ONNX Runtime peak MiB (with Python) | sdc compile s |")
        print("|---|---|---|---|---|---|---|")
        print(f"| {a.model} | {statistics.median(ours):.1f} | {statistics.median(theirs):.1f} | {ratio:.2f} | {memory:.0f} | {ort_memory:.0f} | {compile_seconds:.1f} |")


main()
