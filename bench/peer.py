"""peer.py SYSTEM JOB: one network in one system other than sdc, in a process of its own that bench/run keeps.

JOB is a JSON object: model (path), inputs (name -> file), dtype, threads, output (a .npy for the first output), spec.
Loads, runs once, writes the output and answers with one JSON line; then for each number on standard input makes one run
to warm up and that many timed ones, and answers with their milliseconds.  {"error": ...} ends it.
"""
import ctypes
import json
import os
import signal
import sys
import time

END_WITH_PARENT = 1                                                 # PR_SET_PDEATHSIG
HALF_WITHOUT = "its CPU provider has no bf16 kernels"


class Unsupported(Exception):
    """This system can not run this model or type."""


def status(key):
    """VmRSS, VmHWM, ... of this process in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(key + ":"))


# ---- the systems: (job, arrays, facts) -> a function that runs once and returns the outputs ---------------------

def load_onnxruntime(job, given, facts):
    import onnx
    import onnxruntime
    if job["dtype"] != "f32":
        raise Unsupported(HALF_WITHOUT)
    facts.update(version=onnxruntime.__version__, base_rss=status("VmRSS"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for port in onnx.load(job["model"], load_external_data=False).graph.input:
        for axis, extent in zip(port.type.tensor_type.shape.dim, given[port.name].shape if port.name in given else ()):
            if axis.dim_param:
                options.add_free_dimension_override_by_name(axis.dim_param, extent)
    session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    feeds = {port.name: given[port.name] for port in session.get_inputs()}
    return lambda: session.run(None, feeds)


def load_openvino(job, given, facts):
    import openvino
    facts.update(version=openvino.__version__.split("-")[0], base_rss=status("VmRSS"))
    core = openvino.Core()
    model = core.read_model(job["model"])
    model.reshape({name: list(value.shape) for name, value in given.items()})
    settings = {"INFERENCE_NUM_THREADS": job["threads"], "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": job["dtype"]}
    compiled = core.compile_model(model, "CPU", settings)
    del model
    request = compiled.create_infer_request()

    def run():
        request.infer(given)
        return [request.get_output_tensor(k).data for k in range(len(compiled.outputs))]
    return run


def load_torch(job, given, facts, compiled=False):
    import torch
    import torch_net
    facts.update(version=torch.__version__.split("+")[0], base_rss=status("VmRSS"))
    if "torch" not in job["spec"]:
        raise Unsupported("spec.json names no PyTorch class")
    torch.set_num_threads(job["threads"])
    torch.set_grad_enabled(False)
    net, inputs = torch_net.make(job, given)
    if compiled:
        net = torch.compile(net)
    mode = torch.no_grad if compiled else torch.inference_mode

    def run():
        with mode():
            return [net(*inputs).float().numpy()]
    return run


LOADERS = {
    "onnxruntime": load_onnxruntime,
    "openvino": load_openvino,
    "torch": load_torch,
    "torch-compile": lambda job, given, facts: load_torch(job, given, facts, True),
}


# ---- the process ----------------------------------------------------------------------------------------------------

def timed(run):
    begin = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - begin)


def serve(system, job, answer):
    import numpy
    given = {name: numpy.load(file) for name, file in job["inputs"].items()}
    facts, begin = {}, time.perf_counter()
    run = LOADERS[system](job, given, facts)
    first = numpy.array(run()[0], numpy.float32, order="C")            # torch.compile compiles here
    facts["load_s"] = time.perf_counter() - begin
    numpy.save(job["output"], first)
    answer(dict(facts, peak_rss=status("VmHWM")))
    for line in sys.stdin:
        run()
        times = [timed(run) for _ in range(int(line))]
        answer({"times": times, "peak_rss": status("VmHWM")})


def main(serve=serve):
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                                   # libraries print to standard output
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)        # also while stopped
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")                                          # if memory runs out, this process ends, no other

    def answer(what):
        print(json.dumps(what), file=out, flush=True)
    try:
        serve(sys.argv[1], json.loads(sys.argv[2]), answer)
    except Exception as problem:                                    # whatever a library throws is the answer
        text = str(problem) if isinstance(problem, Unsupported) else f"{type(problem).__name__}: {problem}"
        answer({"error": " ".join(text.split())[:300]})


if __name__ == "__main__":
    main()
