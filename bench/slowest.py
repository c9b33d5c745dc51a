"""slowest.py: the kernels that take most of a network's time, from bench/results/HOST.json, as a Markdown table; see report.py."""
import report
from report import label, milliseconds, percent

MARKERS = ("<!-- slowest -->\n", "<!-- end of slowest -->\n")
COLUMNS = ("model", "type", "kernel", "calls", "ms", "share", "GF/s", "of ceiling", "idle", "what it computes")


def cells(measurement, row):
    return (label(measurement), measurement["dtype"], row["kernel"],
            f"{row['calls']}", milliseconds(row["ms"]), percent(row["share"]), f"{row['gflops']:.0f}",
            percent(row["of_ceiling"]), percent(row["idle"]), row["what"].replace("|", "\\|"))


def table(host, measurements):
    """Of each network the kernels, and a line with its threads' figures."""
    rows, lines = [], []
    for m in (m for m in measurements if "profile" in m):
        rows += ["| " + " | ".join(cells(m, row)) + " |" for row in m["profile"]["slowest"]]
        p = m["profile"]
        lines.append(f"- {label(m)} {m['dtype']}: threads idle "
                     f"{p['idle'] * 100:.1f} % of the time, serial {milliseconds(p['serial_ms'])} ms, on paper useful up to "
                     f"{p['useful_threads']} threads")
    head = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    return "\n".join(head + rows + [""] + lines) + "\n"


def update(document, folder):
    report.update(document, folder, markers=MARKERS, table=table)
