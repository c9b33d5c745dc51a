"""systems.py: sdc and its peers, each as something that can be started, run for a turn, and stopped.

A peer is a process (peer.py) that lives as long as memory allows and is stopped by SIGSTOP between its turns, so that
its threads do not spin while another system runs.  sdc's executable maps its weights and starts anew for each turn.
"""
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

from common import HERE
from models import files

PEERS = {"onnxruntime": ("onnxruntime", "onnx"), "openvino": ("openvino",),          # name -> modules that it needs
         "torch": ("torch", "onnx", "diffusers", "transformers"),
         "torch-compile": ("torch", "onnx", "diffusers", "transformers")}
TITLES = {"sdc": "sdc", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch",
          "torch-compile": "torch.compile"}
# Memory that a peer takes, in times that of the f32 weights (SD1.5 UNet, SD3-medium), and beside that.
NEEDS = {"onnxruntime": 1.7, "openvino": 1.9, "torch": 1.5, "torch-compile": 1.6}
SPARE = 500 << 20


class Failed(Exception):
    """Why a system can not be timed; the others go on."""


def missing(name):
    """A module that the peer needs and that is not installed, or None."""
    return next((module for module in PEERS.get(name, ()) if not importlib.util.find_spec(module)), None)


def last_line(text, otherwise):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else otherwise


def forget(path):
    """Drops the model's files from the page cache: who has loaded them reads them no more, but they would push sdc's
    weights, which stay in their file, out of a memory that both do not fit."""
    for name in files(path):
        with open(name, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Sdc:
    name, live = "sdc", False

    def __init__(self, model, dtype, options, work):
        self.model, self.options = model, options
        self.program = os.path.join(work, f"model-{dtype}")
        self.output = self.program + ".npy"
        self.facts = {}
        self.dtype = dtype

    def command(self, *more):
        result = subprocess.run([self.program, f"--threads={self.options.threads}", *self.model.input_options(), *more],
                                capture_output=True, text=True)
        if result.returncode:
            raise Failed(last_line(result.stderr, f"ended by signal {-result.returncode}"))
        return result.stdout

    def build(self):
        """Compiles, and writes the first output for the standard inputs."""
        begin = time.perf_counter()
        done = subprocess.run([self.options.sdc, "compile", self.model.path, "-o", self.program, "--quiet",
                               f"--dtype={self.dtype}", *self.model.shape_options()], capture_output=True, text=True)
        if done.returncode:
            raise Failed(last_line(done.stderr, "sdc compile failed"))
        info = json.loads(self.command("--info", "--json"))
        self.facts = {"version": info["version"], "isa": info["isa"], "compile_s": time.perf_counter() - begin,
                      "file_bytes": os.path.getsize(self.program), "arena_bytes": info["memory"]["arena_bytes"]}
        self.first(info)

    def first(self, info):
        self.model.flops = self.model.flops or info["flops"]
        self.command(f"--output={info['outputs'][0]['name']}={self.output}")

    def need(self):
        """The page cache must hold the weights, and does not fill all that is free: 10.3 GB of them were read anew in
        each run with 12.5 GB free, not with 14.8."""
        return 1.25 * self.facts["file_bytes"] + self.facts["arena_bytes"] + SPARE

    def start(self):
        pass

    def turn(self, runs):
        t = json.loads(self.command(f"--bench={runs}", "--json"))
        return {"median_ms": t["median_ms"], "best_ms": t["best_ms"], "runs": runs,
                "peak_rss": round(t["peak_rss_mb"] * 2**20), "beside_weights": round(t["peak_anon_mb"] * 2**20),
                **self.parts(t)}

    def profile(self, runs, count):
        """Of equal calls together, those that take most of the time: all of the profile's shares and rates."""
        profile, found = json.loads(self.command(f"--profile={runs}", "--json")), {}
        for call in profile["calls"]:
            row = found.setdefault((call["kernel"], call["note"]), {"kernel": call["kernel"], "what": call["note"],
                                                                    "calls": 0, "ms": 0, "share": 0, "idle": 0, "flops": 0})
            row["calls"] += 1
            row["idle"] = (row["idle"] * row["ms"] + call["idle"] * call["ms"]) / ((row["ms"] + call["ms"]) or 1)
            for part in ("ms", "share", "flops"):
                row[part] += call[part]
        for row in found.values():
            row["gflops"] = row.pop("flops") / ((row["ms"] or 1) * 1e6)
            name = "ceiling_bf16_gflops" if row["kernel"].endswith("_bf16") else "ceiling_gflops"
            row["of_ceiling"] = row["gflops"] / profile[name] if profile.get(name) else None
        slowest = sorted(found.values(), key=lambda row: -row["ms"])[:count]
        return {"idle": profile["idle"], "serial_ms": profile["serial_ms"], "useful_threads": profile["useful_threads"],
                "slowest": slowest}

    def parts(self, times):
        """What else a turn says, of the executable's answer."""
        return {}

    def stop(self):
        pass


class Peer:
    script, beside = "peer.py", 0                                   # bytes that it needs beside NEEDS

    def __init__(self, name, model, dtype, options, work):
        self.name, self.model, self.options = name, model, options
        self.output = os.path.join(work, f"output-{name}-{dtype}.npy")
        self.log = os.path.join(work, f"log-{name}")
        inputs = {key: file for key, (_, file) in model.inputs.items()}
        self.job = json.dumps({"model": model.path, "inputs": inputs, "dtype": dtype, "threads": options.threads,
                               "output": self.output, "spec": model.spec})
        self.process, self.facts, self.peak = None, {}, 0

    @property
    def live(self):
        return self.process is not None

    def need(self):
        return SPARE + (self.peak or NEEDS[self.name] * self.model.weight_bytes + self.beside)

    def start(self):
        """Loads, unless that is done.  How long it takes is known from the first time."""
        if self.live:
            return
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.options.threads), HF_HUB_OFFLINE="1",
                           TORCHINDUCTOR_CACHE_DIR=os.path.join(os.path.dirname(self.log), "inductor"))
        with open(self.log, "w") as log:
            command = [sys.executable, "-B", os.path.join(HERE, self.script), self.name, self.job]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True, env=environment)
        facts = self.answer()
        forget(self.model.path)
        self.peak = facts.pop("peak_rss")
        self.facts = self.facts or facts

    def answer(self):
        """The process's next line; then it rests."""
        timer = threading.Timer(self.options.timeout, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        late = not timer.is_alive()
        timer.cancel()
        if line:
            told = json.loads(line)
            if "error" not in told:
                self.process.send_signal(signal.SIGSTOP)
                return told
            self.stop()
            raise Failed(told["error"])
        code = self.stop()
        with open(self.log) as log:
            why = last_line(log.read(), "")
        if late:
            why = f"no answer in {self.options.timeout:g} s"
        raise Failed(why if late or code >= 0 else f"ended by signal {-code}")

    def turn(self, runs):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        told = self.answer()
        self.peak = max(self.peak, told["peak_rss"])
        times, peak = told["times"], told["peak_rss"]
        return {"median_ms": statistics.median(times), "best_ms": min(times), "runs": runs, "peak_rss": peak,
                "beside_weights": peak - self.model.weight_bytes, **told.get("parts", {})}

    def stop(self):
        if not self.live:
            return 0
        if self.process.poll() is None:
            try:
                self.process.wait(0.2)                              # one that told an error is about to end
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None
        return code


def make(name, model, dtype, options, work):
    return Sdc(model, dtype, options, work) if name == "sdc" else Peer(name, model, dtype, options, work)
