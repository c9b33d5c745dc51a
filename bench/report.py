"""report.py: bench/results/HOST.json, and what it says as Markdown tables."""
import glob
import json
import os
import statistics

from common import replace_between
from models import prefer

MARKERS = ("<!-- results -->\n", "<!-- end of results -->\n")
COLUMNS = ("model", "type", "system", "median ms", "best ms", "spread", "GF/s", "of ceiling", "peak RSS MB",
           "beside weights MB", "build or load s", "file MB", "difference", "speed")
CEILINGS = {"f32_gflops": ("f32", "GF/s"), "bf16_gflops": ("products of bf16", "GF/s"),
            "read_gbs": ("memory read", "GB/s"),
            "copy_gbs": ("copied", "GB/s")}


def key(measurement):
    """Of a network, or of pictures."""
    return tuple(measurement.get(part) for part in ("model", "batch", "dtype", "size", "steps"))


def add(path, host, measurement, kind="measurements"):
    """Writes a measurement into one of the file's lists in place of an older one of the same network and type."""
    found = {}
    if os.path.exists(path):
        with open(path) as file:
            found = json.load(file)
    measurements = [m for m in found.get(kind, []) if key(m) != key(measurement)] + [measurement]
    measurements.sort(key=lambda m: (prefer(m["model"]), m["batch"], m["dtype"] != "f32"))
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".part", "w") as file:
        json.dump({**found, "host": host, kind: measurements}, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def label(measurement):
    batch = measurement["batch"]
    return measurement["model"] + (f" x{batch}" if batch > 1 else "")


def percent(share):
    return "" if share is None else f"{share * 100:.0f} %"


def megabytes(count):
    return "" if count is None else f"{count / 1e6:.0f}"


def milliseconds(time):
    return f"{time:.4g}" if time < 1000 else f"{time:.0f}"


def cells(measurement, row):
    return (label(measurement), measurement["dtype"],
            f"{row['title']} {row['version']}", milliseconds(row["median_ms"]), milliseconds(row["best_ms"]),
            percent(row["spread"]), f"{row['gflops']:.0f}", percent(row["of_ceiling"]),
            megabytes(row["peak_rss_bytes"]), megabytes(row["beside_weights_bytes"]),
            f"{row.get('compile_s', row.get('load_s')):.1f}", megabytes(row.get("file_bytes")),
            f"{row['difference']:.1g}" if row["difference"] else "",
            f"{row['times_fastest_peer']:.2f}x" if "times_fastest_peer" in row else "")


def ceilings_line(measurements):
    """The ceilings over all measurements: the middle of the medians, and how far the host's speed went."""
    parts = []
    for name, (title, unit) in CEILINGS.items():
        found = [m["ceilings"][name] for m in measurements if name in m["ceilings"]]
        if found:
            middle = statistics.median(f["median"] for f in found)
            least, best = min(f["least"] for f in found), max(f["best"] for f in found)
            parts.append(f"{title} {middle:.4g} {unit} ({least:.4g} to {best:.4g})")
    stolen = [m["stolen"] for m in measurements if m.get("stolen")]
    kept = (f" Of the CPU time of turns the host kept back {percent(statistics.median(s['median'] for s in stolen))} "
            f"(up to {percent(max(s['most'] for s in stolen))}).") if stolen else ""
    return ("Ceilings: " + ", ".join(parts) + "." if parts else "Ceilings were not measured.") + kept


def table(host, measurements, columns=COLUMNS, cells=cells):
    dates = sorted({m["date"] for m in measurements})
    threads, rounds = (" or ".join(map(str, sorted({m[key] for m in measurements}))) for key in ("threads", "rounds"))
    lines = [f"{host['cpu'] or host['name']}, {host['cpus']} CPUs, {host['memory_gb']:.0f} GB; {threads} threads, "
             f"{rounds} rounds; {dates[0]}" + (f" to {dates[-1]}" if len(dates) > 1 else "") + ". "
             + ceilings_line(measurements), "",
             "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for m in measurements:
        rows = sorted(m["systems"], key=lambda row: row["median_ms"])
        lines += ["| " + " | ".join(cells(m, row)) + " |" for row in rows]
    skipped = [f"- {m['model']} {m['dtype']}, {name}: {why}"
               for m in measurements for name, why in m["skipped"].items()]
    return "\n".join(lines + ([""] + skipped if skipped else [])) + "\n"


def update(document, folder, kind="measurements", markers=MARKERS, table=table):
    """Puts the tables of all machines into the document."""
    parts = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path) as file:
            found = json.load(file)
        if found.get(kind):
            parts.append(f"### {found['host']['name']}\n\n" + table(found["host"], found[kind]))
    replace_between(document, markers, "\n".join(parts))
