#!/usr/bin/env python3
"""fusion.py [MODEL_FOLDER | MODEL.onnx:NAME=1x4x64x64,...]... [--pair MODEL]... [--rounds 5] [--threads 2]
          [--update docs/fusion.md]

What fusion, and each fusion alone, saves: runs `sdc bench --each` on every model and prints two Markdown tables.  A
MODEL_FOLDER holds model.onnx and spec.json with its standard inputs, as the script that gives the full-size graphs
seeded weights writes it; a file is given with its inputs' shapes.  Needs room for twice the weights in TMPDIR, and a
quiet machine: ratios are between runs of the same round, but others' work makes them wider.  --update replaces what
lies between the markers in the document and nothing else.  Models after --pair are measured with and without all
fusions only; of each fusion alone they get the bytes, from `sdc explain`.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys

from common import SDC, replace_between

HEAVY = {"conv", "conv_winograd", "conv_depthwise", "conv_any", "gemm", "matmul_any", "attention"}
HERE = os.path.dirname(os.path.abspath(__file__))
MARKERS = ("<!-- times -->\n", "<!-- end of times -->\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--pair", action="append", default=[], metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--update", metavar="DOCUMENT")
    parser.add_argument("--sdc", default=SDC)
    return parser.parse_args()


def describe(text):
    """Name, path and --shape options of a model."""
    if os.path.isdir(text):
        with open(os.path.join(text, "spec.json")) as file:
            inputs = json.load(file)["inputs"]
        given = [(i["name"], "x".join(map(str, i["shape"])) or "scalar") for i in inputs]
        return os.path.basename(os.path.normpath(text)), os.path.join(text, "model.onnx"), given
    path, _, shapes = text.partition(":")
    given = [tuple(pair.split("=")) for pair in shapes.split(",")]
    parts = path.split(os.sep)
    return "demo " + parts[-2] if "emoji" in parts else parts[-2], path, given


def moved(a, path, given, off):
    """Bytes that the model moves without the fusion `off`, by the plan."""
    command = [a.sdc, "explain", path, "--json", *(f"--shape={tensor}={shape}" for tensor, shape in given)]
    result = subprocess.run(command + ([f"--no-fuse={off}"] if off else []), check=True, stdout=subprocess.PIPE)
    return json.loads(result.stdout)["programs"][0]["as_asked"]["moved_bytes"]


def planned(a, path, given):
    """What each fusion of ir/fusion.def saves of those bytes."""
    with open(os.path.join(HERE, "..", "ir", "fusion.def")) as file:
        names = re.findall(r"^FUSION\((\w+)", file.read(), re.MULTILINE)
    whole = moved(a, path, given, None)
    return [{"name": name, "saves_bytes": moved(a, path, given, name) - whole} for name in names]


def measure(a, text, each):
    name, path, given = describe(text)
    command = [a.sdc, "bench", path, "--json", f"--runs={a.rounds}", f"--threads={a.threads}"]
    command += ["--each"] if each else []
    command += [f"--shape={tensor}={shape}" for tensor, shape in given]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if not each:
        result["fusions"] = planned(a, path, given)
    shape = ", ".join(shape for _, shape in given if shape != "scalar")
    print(f"{name}: done", file=sys.stderr)
    return f"{name} ({shape})", result


def main_row(name, result):
    fused, twin = result["builds"][:2]
    kernels = result["profile"]["kernels"]
    heavy = sum(k["share"] for k in kernels if k["kernel"] in HEAVY)
    return (f"| {name} | {twin['median_ms']:.4g} → {fused['median_ms']:.4g} | {1 / fused['ratio']:.2f}x | "
            f"{fused['spread'] * 100:.0f} %, {twin['spread'] * 100:.0f} % | {twin['calls']} → {fused['calls']} | "
            f"{twin['moved_bytes'] / 1e6:.4g} → {fused['moved_bytes'] / 1e6:.4g} | "
            f"{twin['moved_bytes'] / fused['moved_bytes']:.2f}x | "
            f"{twin['arena_bytes'] / 1e6:.4g} → {fused['arena_bytes'] / 1e6:.4g} | {heavy * 100:.0f} % | "
            f"{twin['difference']:.1g} |")


def fusion_cell(result, fusion):
    """Time saved as a share of the fused build's, and megabytes; a dash where nothing is fused by it."""
    fused = result["builds"][0]
    row = next((f for f in result["fusions"] if f["name"] == fusion), None)
    if row is None or not any(row[key] for key in row if key != "name"):
        return "-"
    if "saves_ms" not in row:
        return f"{row['saves_bytes'] / 1e6:.4g} MB"
    return f"{row['saves_ms'] / fused['best_ms'] * 100:+.1f} %, {row['saves_bytes'] / 1e6:.4g} MB"


def tables(a, results):
    isa = results[0][1]["isa"]
    lines = [f"Measured {datetime.date.today()} with {a.threads} threads, {isa}, {a.rounds} rounds in turns; "
             "milliseconds are medians, ratios those of the rounds' best runs.", "",
             "| model (inputs) | ms, twin → fused | faster | spread (fused, twin) | calls | MB moved | less | "
             "MB of arena | conv, GEMM, attention | difference |", "|---|---|---|---|---|---|---|---|---|---|"]
    lines += [main_row(name, result) for name, result in results]
    lines += ["", "What leaving one fusion out costs, in percent of the fused time and megabytes moved:", "",
              "| fusion | " + " | ".join(re.sub(r" \(.*", "", name) for name, _ in results) + " |",
              "|---" * (len(results) + 1) + "|"]
    for fusion in dict.fromkeys(f["name"] for _, result in results for f in result["fusions"]):
        lines.append(f"| {fusion} | " + " | ".join(fusion_cell(result, fusion) for _, result in results) + " |")
    return "\n".join(lines) + "\n"


def main():
    a = arguments()
    text = tables(a, [measure(a, model, True) for model in a.models] + [measure(a, model, False) for model in a.pair])
    if a.update:
        replace_between(a.update, MARKERS, text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
