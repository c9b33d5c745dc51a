"""machine.py: the CPU by a neutral name, free memory, and the ceilings measured again and again (ceilings.c)."""
import json
import os
import re
import subprocess

from common import HERE, note

# (vendor, family) -> (first model, last model, name)
CPUS = {
    ("GenuineIntel", 6): [(63, 63, "haswell"), (79, 79, "broadwell"), (85, 85, "skylake-sp"), (106, 108, "ice-lake-sp"),
                          (143, 143, "sapphire-rapids"), (151, 154, "alder-lake"), (173, 174, "granite-rapids"),
                          (183, 191, "raptor-lake"), (207, 207, "emerald-rapids")],
    ("AuthenticAMD", 23): [(0, 0x2f, "zen"), (0x30, 0xff, "zen2")],
    ("AuthenticAMD", 25): [(0, 0x0f, "zen3"), (0x10, 0x1f, "zen4"), (0x20, 0x5f, "zen3"), (0x60, 0xff, "zen4")],
    ("AuthenticAMD", 26): [(0, 0xff, "zen5")],
}
FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "asimd", "bf16", "i8mm")


def cpuinfo():
    with open("/proc/cpuinfo") as file:
        lines = file.read().split("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def describe():
    """What a result says about the machine: no name, no path."""
    info = cpuinfo()
    cpus = len(os.sched_getaffinity(0))
    rows = CPUS.get((info.get("vendor_id"), int(info.get("cpu family", 0))), [])
    model = int(info["model"]) if info.get("model", "").isdigit() else -1
    kind = next((name for first, last, name in rows if first <= model <= last), None)
    slug = kind or re.sub(r"[^a-z0-9]+", "-", info.get("model name", os.uname().machine).lower()).strip("-")
    flags = (info.get("flags") or info.get("Features", "")).split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"name": f"{slug}-{cpus}-core" + ("s" if cpus != 1 else ""), "cpu": info.get("model name", ""), "cpus": cpus,
            "features": [flag for flag in FEATURES if flag in flags], "memory_gb": round(memory / 1e9, 1)}


def available():
    """Bytes that programs can still take without others' being swapped out or killed."""
    with open("/proc/meminfo") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))


def cpu_ticks():
    """What the host kept back of this machine's CPU time so far, and all of it."""
    with open("/proc/stat") as file:
        ticks = list(map(int, file.readline().split()[1:9]))
    return ticks[7], sum(ticks)


class Ceilings:
    """A process that measures when it is asked to: it costs half a second each time."""

    def __init__(self, sdc, threads, work):
        program = os.path.join(work, "ceilings")
        source = os.path.dirname(HERE)
        archive = os.path.join(os.path.dirname(os.path.abspath(sdc)), "libsdcrt.a")
        command = [os.environ.get("CC", "cc"), "-O2", "-march=native", "-D_GNU_SOURCE", f"-I{source}/runtime",
                   f"-I{source}/codegen/kernels/c", f"{HERE}/ceilings.c", archive, "-lm", "-pthread", "-o", program]
        self.process = None
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            note("ceilings: not measured: " + next(iter(done.stderr.splitlines()), "the C compiler failed"))
            return
        self.process = subprocess.Popen([program, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def measure(self):
        """Key -> GF/s or GB/s; nothing if that can not be measured here."""
        if not self.process:
            return {}
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline() or "{}")

    def close(self):
        if self.process:
            self.process.communicate()
