"""report.py: bench/results/HOST.json, and what it says as Markdown tables."""
import glob
import json
import os

from common import replace_between
from models import prefer

MARKERS = ("<!-- results -->\n", "<!-- end of results -->\n")
COLUMNS = ("model", "type", "system", "median ms", "best ms", "spread", "GF/s", "of ceiling", "peak RSS MB", "beside weights MB",
           "build or load s", "file MB", "difference", "speed")


def key(measurement):
    return measurement["model"], measurement["batch"], measurement["dtype"]


def add(path, host, measurement):
    """Writes a measurement into the file in place of an older one of the same network and type."""
    measurements = []
    if os.path.exists(path):
        with open(path) as file:
            measurements = [m for m in json.load(file)["measurements"] if key(m) != key(measurement)]
    measurements.append(measurement)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".part", "w") as file:
        json.dump({"host": host, "measurements": sorted(measurements, key=lambda m: prefer(m["model"]) + key(m))}, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def cells(measurement, row):
    label = measurement["model"] + (f" x{measurement['batch']}" if measurement["batch"] > 1 else "")
    seconds = row.get("compile_s", row.get("load_s"))
    return (label, measurement["dtype"], f"{row['title']} {row['version']}", f"{row['median_ms']:.4g}", f"{row['best_ms']:.4g}",
            f"{row['spread'] * 100:.0f} %", f"{row['gflops']:.0f}",
            "" if row["of_ceiling"] is None else f"{row['of_ceiling'] * 100:.0f} %", f"{row['peak_rss_bytes'] / 1e6:.0f}",
            f"{row['beside_weights_bytes'] / 1e6:.0f}", f"{seconds:.1f}",
            f"{row['file_bytes'] / 1e6:.0f}" if "file_bytes" in row else "", f"{row['difference']:.1g}" if row["difference"] else "",
            f"{row['times_fastest_peer']:.2f}x" if "times_fastest_peer" in row else "")


def ceilings_line(measurements):
    """The ceilings over all measurements: median of the medians, and how far the host's speed went."""
    names = {"f32_gflops": ("f32", "GF/s"), "bf16_dot_gflops": ("bf16 dot products", "GF/s"),
             "bf16_tile_gflops": ("bf16 tiles", "GF/s"), "read_gbs": ("memory read", "GB/s"), "copy_gbs": ("copied", "GB/s")}
    parts = []
    for name, (title, unit) in names.items():
        found = [m["ceilings"][name] for m in measurements if name in m["ceilings"]]
        if found:
            middle = sorted(f["median"] for f in found)[len(found) // 2]
            parts.append(f"{title} {middle:.4g} {unit} ({min(f['least'] for f in found):.4g} to {max(f['best'] for f in found):.4g})")
    return "Ceilings: " + ", ".join(parts) + "." if parts else "Ceilings were not measured."


def table(host, measurements):
    dates = sorted({m["date"] for m in measurements})
    threads = " or ".join(map(str, sorted({m["threads"] for m in measurements})))
    lines = [f"{host['cpu'] or host['name']}, {host['cpus']} CPUs, {host['memory_gb']:.0f} GB; {threads} threads; "
             f"{dates[0]}" + (f" to {dates[-1]}" if len(dates) > 1 else "") + ". " + ceilings_line(measurements), "",
             "| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for m in measurements:
        lines += ["| " + " | ".join(cells(m, row)) + " |" for row in sorted(m["systems"], key=lambda row: row["median_ms"])]
    skipped = [f"- {m['model']} {m['dtype']}, {name}: {why}" for m in measurements for name, why in m["skipped"].items()]
    return "\n".join(lines + ([""] + skipped if skipped else [])) + "\n"


def update(document, folder):
    """Puts the tables of all machines into the document."""
    parts = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path) as file:
            found = json.load(file)
        parts.append(f"### {found['host']['name']}\n\n" + table(found["host"], found["measurements"]))
    replace_between(document, MARKERS, "\n".join(parts))
