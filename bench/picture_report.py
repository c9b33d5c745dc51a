"""picture_report.py: what bench/results/HOST.json says about whole pictures, as a Markdown table; see report.py."""
import report
from report import megabytes, percent

KIND = "pictures"
MARKERS = ("<!-- pictures -->\n", "<!-- end of pictures -->\n")
COLUMNS = ("pictures", "type", "system", "s a picture", "best s", "spread", "s a step", "text s", "decoder s", "GF/s",
           "of ceiling", "peak RSS MB", "beside weights MB", "build or load s", "file MB", "latents", "picture",
           "speed")


def seconds(milliseconds):
    return f"{milliseconds / 1e3:.3g}" if milliseconds < 1e5 else f"{milliseconds / 1e3:.0f}"


def cells(measurement, row):
    return (f"{measurement['model']}, {measurement['size']}, {measurement['steps']} steps", measurement["dtype"],
            f"{row['title']} {row['version']}", seconds(row["median_ms"]), seconds(row["best_ms"]),
            percent(row["spread"]), seconds(row["step_ms"]), seconds(row["text_ms"]), seconds(row["decode_ms"]),
            f"{row['gflops']:.0f}", percent(row["of_ceiling"]), megabytes(row["peak_rss_bytes"]),
            megabytes(row["beside_weights_bytes"]), f"{row.get('compile_s', row.get('load_s')):.1f}",
            megabytes(row.get("file_bytes")), f"{row['difference']:.1g}" if row["difference"] else "",
            f"{row['picture_difference']:.2g}" if row["picture_difference"] else "",
            f"{row['times_fastest_peer']:.2f}x" if "times_fastest_peer" in row else "")


def table(host, measurements):
    return report.table(host, measurements, COLUMNS, cells)


def update(document, folder):
    report.update(document, folder, KIND, MARKERS, table)
