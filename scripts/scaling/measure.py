"""Runs `convoy bench` for the model of scaling_model.py, and keeps what it says of a step."""

import json
import os
import resource
import socket
import statistics
import subprocess
import tempfile
import threading
import time

PROGRAM = "build/release/bin/convoy"
PICTURES = "data={shapes: {train_samples: 8192, test_samples: 64}, scale: 1/255}"
# About as many weights as the example and next to no arithmetic: its steps show what threads and ranks wait for each other.
LIGHT = """
name: light
model:
  input_shape: [32, 32, 3]
  layers: [{max_pooling2d: {pool_size: 4}}, flatten, {dense: {units: 1024}}, {dense: {units: 128}}, {dense: {units: 10}}]
loss: {sparse_categorical_crossentropy: {from_logits: true}}
optimizer: {adam: {learning_rate: 0.001}}
"""

# Each network with its config; the batches and slices that the model is fitted on, which one rank of one thread takes; and
# the batches that it is asked for afterwards, with `slices: auto`.
NETWORKS = {
    "cifar10-cnn": {
        "config": "configs/cifar10-cnn.yaml",
        "fit": [(8, 1), (16, 1), (16, 2), (16, 16), (24, 3), (48, 3), (48, 6), (96, 3), (96, 6), (96, 12),
                (192, 24)],
        "check": [32, 64, 128, 256],
        "busy": (48, 6),
        "messages": True,
    },
    "cifar10-vgg11-bn": {
        "config": "configs/cifar10-vgg11-bn.yaml",
        "fit": [(8, 1), (16, 1), (16, 2), (24, 3), (48, 3), (48, 6), (96, 12)],
        "check": [32, 64, 128],
        "busy": (48, 6),
        "messages": True,
    },
    "light": {"config": None, "fit": [(4, 1), (8, 2)], "check": [], "busy": None, "messages": False},
}
# Gives a program no room for shared memory, so that it sends messages, over TCP.
ALONE = ["bash", "-c", "ulimit -f 8000; trap '' XFSZ; exec \"$@\"", "alone"]


def cases_of(name):
    """What is measured of a network, as dicts that are a run's key."""
    network = NETWORKS[name]
    case = lambda use, ranks, threads, batch, slices, reduce="exact": {
        "network": name, "use": use, "ranks": ranks, "threads": threads, "batch": batch, "slices": slices, "reduce": reduce}
    cases = [case("fit", 1, 1, *of) for of in network["fit"]]
    if name == "light":
        return 4 * (cases + [case("threads", 1, 2, 8, 2), case("ranks", 2, 1, 8, 2)])
    cases += [case("busy", 1, 1, *network["busy"])]  # two such runs at once
    for batch in network["check"]:
        cases += [case("check", 1, 1, batch, None), case("check", 1, 2, batch, None), case("check", 2, 1, batch, None)]
    cases += [case("check", 2, 1, network["check"][-1], None, "native")]
    if network["messages"]:  # as if the two ranks were on two hosts
        cases += [case("messages", 2, 1, network["check"][-1], None, reduce) for reduce in ("exact", "native")]
    return cases


def command(case, config, steps, pinned=None):
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    program = [*ALONE, PROGRAM] if case["use"] == "messages" else [PROGRAM]
    over = ["--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo"] if case["use"] == "messages" else []
    words = ["mpirun", *root, "-np", str(case["ranks"]), "--bind-to", "none", *over, *program, "bench", config, "--json",
             "--steps", str(steps), "--set", PICTURES, "--set", f"distributed.threads_per_rank={case['threads']}",
             "--set", f"distributed.reduce={case['reduce']}", "--set", f"train.global_batch_size={case['batch']}"]
    if case["slices"]:
        words += ["--set", f"train.slices={case['slices']}"]
    if pinned is not None:
        words = ["taskset", "-c", str(pinned), *words]
    return (["nice", "-n", "-15"] if os.geteuid() == 0 else []) + words


class Disturbance:
    """The share of the cores' time that neither this script's children nor idleness had."""

    def __init__(self):
        self.start, self.before = time.monotonic(), self.taken()

    @staticmethod
    def taken():
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open("/proc/stat") as stat:
            user, nice, system, _, _, irq, soft, steal = map(int, stat.readline().split()[1:9])
        return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK") - own.ru_utime - own.ru_stime

    def share(self):
        seconds = (time.monotonic() - self.start) * len(os.sched_getaffinity(0))
        return max(0.0, (self.taken() - self.before) / seconds)


def run(case, config, seconds, rate):
    """One run, or two of it at once; `rate`: about how many images a second to expect. Its figure is that of the fastest of
    bench's groups of steps: what disturbs only makes a step longer."""
    steps = max(6, int(seconds * rate * case["ranks"] * case["threads"] / case["batch"]))
    cores = sorted(os.sched_getaffinity(0))[:2] if case["use"] == "busy" else [None]
    disturbance = Disturbance()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command(case, config, steps, core), **pipes) for core in cores]
    ended = [(one.communicate(timeout=600), one.returncode) for one in started]
    for (_, errors), code in ended:
        if code:
            raise SystemExit(f"{' '.join(command(case, config, steps))}\n{errors.strip()}")
    reports = [json.loads(output) for (output, _), _ in ended]
    return {**case, **figures(reports[0], case), "disturbance": round(disturbance.share(), 4),
            "seconds": statistics.mean(case["batch"] / r["images_per_second"]["max"] for r in reports)}


def figures(report, case):
    """What a report says of rank 0, in seconds a step of a worker's work."""
    images = case["batch"] / case["ranks"]
    seconds = lambda piece: 1e-6 * piece["us_per_image"] * images
    layers = {}
    for layer in report["layers"]:
        of = layers.setdefault(layer["layer"], {})
        for piece, values in layer["pieces"].items():
            of[piece] = of.get(piece, 0) + seconds(values)
    return {"phases": {name: seconds(piece) for name, piece in report["phases"].items()}, "layers": layers,
            "shares": report["share_of_time"], "peaks": report["peak_per_worker"]}


def shape_of(config):
    """The layers' trainable parameters, for the plan of the buckets."""
    words = [PROGRAM, "summary", config, "--json", "--set", PICTURES]
    summary = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return [{"name": layer["name"], "type": layer["type"], "parameters": layer["trainable_parameters"],
             "channels": layer["output_shape"][-1]} for layer in summary["layers"]]


def facts():
    """Of this machine and this program, for the page."""
    version = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()
    with open("/proc/cpuinfo") as info:
        processor = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    return {"processor": processor, "cores": len(os.sched_getaffinity(0)), "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "convoy": version[0].removeprefix("convoy ")}


def loopback():
    """Bytes a second each way between two processes over TCP on this host, both sending at once."""
    size, ours = 1 << 20, socket.create_server(("127.0.0.1", 0))
    ready = socket.create_connection(ours.getsockname())
    theirs, _ = ours.accept()

    def exchange(end, repeats):
        begin = time.monotonic()
        sender = threading.Thread(target=lambda: [end.sendall(bytes(size)) for _ in range(repeats)])
        sender.start()
        left, room = repeats * size, bytearray(size)
        while left:
            left -= end.recv_into(room, min(left, size))
        sender.join()
        return repeats * size / (time.monotonic() - begin)

    child = os.fork()
    if child == 0:
        exchange(theirs, 200)
        os._exit(0)
    rate = exchange(ready, 200)
    os.waitpid(child, 0)
    return rate


def measure(names, rounds, seconds, say, kept=None):
    """All cases in turn for several rounds, so that a noisy neighbour hits all alike; added to the record `kept`."""
    kept = kept or {"runs": [], "loopback": 0}
    record = {"facts": facts(), "networks": {}, "runs": list(kept["runs"]),
              "loopback": max(kept["loopback"], *(loopback() for _ in range(5)))}
    rates = dict.fromkeys(names, 100.0)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as light:
        light.write(LIGHT)
        light.flush()
        for name in names:
            record["networks"][name] = {"layers": shape_of(NETWORKS[name]["config"] or light.name)}
        for number in range(rounds):
            for name in names:
                config = NETWORKS[name]["config"] or light.name
                for case in cases_of(name):
                    done = run(case, config, seconds, rates[name])
                    rates[name] = done["batch"] / done["seconds"] / case["ranks"] / case["threads"]
                    record["runs"].append(done)
                say(f"round {number + 1} of {rounds}: {name}")
    return record
