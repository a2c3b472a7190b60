"""The time of a training step as a sum of a few named parts. docs/scaling.md says what each is and where it comes from."""

import math
import statistics
from dataclasses import dataclass
from functools import lru_cache

from scaling.plan import Plan, Traffic

MOST_AUTO_SLICES, LEAST_AUTO_SAMPLES = 64, 8
DISTURBED = 0.03  # of the cores' time that others take
SUM, FLOAT = 8, 4  # bytes of an element: of a sum of integers, and of a float


def auto_slices(batch):
    slices = 1
    while 2 * slices <= MOST_AUTO_SLICES and batch // (2 * slices) >= LEAST_AUTO_SAMPLES:
        slices *= 2
    return slices


@dataclass(frozen=True)
class Link:
    """Between hosts: seconds, bytes a second each way, and seconds of a rank's time that a message takes."""

    name: str
    latency: float
    bandwidth: float
    message: float

    @staticmethod
    def of_gigabits(name, gigabits, latency, message):
        return Link(name, latency, 0.9 * gigabits * 1e9 / 8, message)


NETWORKS = [Link.of_gigabits("10 Gbit/s Ethernet", 10, 30e-6, 5e-6),
            Link.of_gigabits("25 Gbit/s Ethernet", 25, 20e-6, 5e-6),
            Link.of_gigabits("100 Gbit/s Ethernet", 100, 15e-6, 5e-6),
            Link.of_gigabits("200 Gbit/s InfiniBand", 200, 2e-6, 0.5e-6)]
IDEAL = Link("a network without latency or limit", 0.0, math.inf, 0.0)


@dataclass(frozen=True)
class Machine:
    """A host: seconds that waking a rank's threads once takes; bytes a second at which a core reads what another wrote."""

    wake: float
    shared: float
    message: float = 1e-6  # seconds, to a rank of the same host
    host_shared: float = 100e9  # bytes a second of all cores together


@dataclass(frozen=True)
class Step:
    """What is computed: ranks of `threads` each, `per_host` of them on a host."""

    batch: int
    slices: int
    ranks: int = 1
    threads: int = 1
    per_host: int = 1 << 20
    reduce: str = "exact"


@dataclass(frozen=True)
class Parts:
    """Seconds of a step on the rank that is last."""

    compute: float
    wake: float = 0.0
    shared: float = 0.0  # reading others' sums and new weights through memory
    exposed: float = 0.0  # of the sums' way between hosts, what backward does not hide
    update: float = 0.0
    weights: float = 0.0
    meetings: float = 0.0

    @property
    def total(self):
        return self.compute + self.wake + self.shared + self.exposed + self.update + self.weights + self.meetings


def least_squares(rows, values):
    """Coefficients none of which is negative: those that would be are left out, the most negative first."""
    used = list(range(len(rows[0])))
    while True:
        n = len(used)
        table = [[sum(row[i] * row[j] for row in rows) for j in used] +
                 [sum(row[i] * value for row, value in zip(rows, values))] for i in used]
        for i in range(n):
            pivot = max(range(i, n), key=lambda k: abs(table[k][i]))
            table[i], table[pivot] = table[pivot], table[i]
            for k in range(n):
                if k != i:
                    factor = table[k][i] / table[i][i]
                    table[k] = [a - factor * b for a, b in zip(table[k], table[i])]
        solution = {j: table[i][n] / table[i][i] for i, j in enumerate(used)}
        worst = min(solution, key=solution.get)
        if solution[worst] >= 0:
            return [solution.get(i, 0.0) for i in range(len(rows[0]))]
        used.remove(worst)


@dataclass(frozen=True)
class Network:
    """What a network's step takes one worker, in seconds, and what it exchanges."""

    layers: tuple
    fixed: float  # a step
    group: float  # each group of slices that are computed together
    slice: float  # each slice
    sample: float  # each sample
    prepare: float  # packing weights, a step
    update: float  # the optimizer, over all weights
    deferred: float  # forming deferred weight gradients, a step
    deferred_sample: float  # and for each sample
    busy: float  # what all of it takes longer while another core is at it too
    at_once: int  # samples that kernels take at a time, of several slices
    deferred_layers: frozenset
    meetings: tuple  # doubles of a slice in each meeting of the batch
    passing: tuple  # (layer, share of the time of a step's compute after which it has passed backward)

    @lru_cache(maxsize=None)
    def plan(self, ranks):
        return Plan([dict(layer) for layer in self.layers], ranks)

    def group_size(self, step):
        local = -(-step.slices // step.ranks)
        wanted = -(-self.at_once * step.slices // step.batch)
        return max(1, min(local // step.threads, wanted))

    def compute(self, step):
        """Seconds of the worker that has most, and of what its rank does alone; without waking threads."""
        local, size = -(-step.slices // step.ranks), self.group_size(step)
        groups = -(-(-(-local // size)) // step.threads)
        slices = min(local, groups * size)
        samples = slices * step.batch / step.slices
        shared = self.prepare + self.deferred + self.deferred_sample * local * step.batch / step.slices
        work = groups * self.group + slices * self.slice + samples * self.sample + shared / step.threads
        workers = step.ranks * step.threads
        return self.fixed + work * (self.busy if workers > 1 else 1.0)

    def rounds(self):
        """How often a step wakes a rank's threads: to pack, for each segment's directions, for each deferred gradient, to
        update."""
        return 2 + len(self.meetings) + len(self.deferred_layers)


def step_time(network, machine, step, link=IDEAL):
    """Parts of a step of `step` on hosts joined by `link`."""
    compute = network.compute(step)
    wake = network.rounds() * machine.wake if step.threads > 1 else 0.0
    if step.ranks == 1:
        return Parts(compute, wake, update=network.update * (network.busy if step.threads > 1 else 1.0) / step.threads)
    plan = network.plan(step.ranks)
    per_host = min(step.per_host, step.ranks)
    hosts = -(-step.ranks // per_host)
    traffic = [Traffic(counts, per_host) for counts, _ in plan.buckets]
    width = SUM if step.reduce == "exact" else FLOAT
    # What a rank adds up it reads from every other rank of its host, and what it owns from every other host; and it reads all
    # new weights, of which it wrote its part.
    read = sum(t.summed * (per_host - 1) * SUM + t.owned * (hosts - 1) * width for t in traffic)
    read += (plan.elements - plan.owned()) * FLOAT
    shared = read / min(machine.shared, machine.host_shared / per_host)
    update = network.update * network.busy * plan.owned() / plan.elements / step.threads
    exposed, weights = 0.0, 0.0
    if hosts > 1:
        exposed = exchange_end(network, compute, plan, traffic, width, link) - compute
        moved, messages = sum(max(t.into, t.out) for t in traffic), sum(t.messages for t in traffic)
        weights = link.latency + moved * FLOAT / link.bandwidth + messages * link.message
    meetings = meetings_time(network, machine, step, per_host, hosts, link)
    return Parts(compute, wake, shared, exposed, update, weights, meetings)


def exchange_end(network, compute, plan, traffic, width, link):
    """When the last bucket has arrived, counted like `compute`: they start in order, each once its layers have passed."""
    passed, end, ready = dict(network.passing), 0.0, 0.0
    for (_, names), t in zip(plan.buckets, traffic):
        ready = max([ready] + [passed[name] * compute for name in names])
        bytes_moved = max(t.into, t.out) * width
        end = max(end, ready) + max(bytes_moved / link.bandwidth, t.messages * link.message)
    return max(end + link.latency, compute)


def meetings_time(network, machine, step, per_host, hosts, link):
    """Every rank tells every other: so many messages out and in, and their bytes through a host's link."""
    here, away = per_host - 1, step.ranks - per_host
    time = 0.0
    for doubles in network.meetings:
        message = 8 * (doubles * step.slices / step.ranks + 1)
        time += 2 * (here * machine.message + away * link.message)
        if hosts > 1:
            time += link.latency + per_host * away * message / link.bandwidth
    return time


def quiet_of(runs):
    """Those that others hardly disturbed, or else all."""
    return [run for run in runs if run["disturbance"] <= DISTURBED] or runs


def seconds_of(runs):
    """Of a step: what disturbs a run only makes it longer."""
    return min(run["seconds"] for run in quiet_of(runs))


def grouped(runs, use, name):
    cases = {}
    for run in runs:
        if run["use"] == use and run["network"] == name:
            key = (run["ranks"], run["threads"], run["batch"], run["slices"], run["reduce"])
            cases.setdefault(key, []).append(run)
    return cases


def machine_of(record):
    """From the network that has next to no arithmetic: what its steps take longer than the work that is shared out."""
    runs = [run for run in record["runs"] if run["network"] == "light"]

    def best(use, batch):
        of_case = [run for run in runs if run["use"] == use and run["batch"] == batch]
        return min(quiet_of(of_case), key=lambda run: run["seconds"])

    whole, half, threads, ranks = best("fit", 8), best("fit", 4), best("threads", 8), best("ranks", 8)
    shared = whole["shares"]["compute"] + whole["shares"]["update"]
    rounds = 3 + sum("weight_gradient" in pieces for pieces in whole["layers"].values())  # as Network.rounds()
    wake = threads["seconds"] - whole["seconds"] * (1 - shared / 2)
    reading = ranks["seconds"] - half["seconds"] * (1 - half["shares"]["update"] / 2)
    elements = Plan(record["networks"]["light"]["layers"], 2).owned()
    return Machine(wake=max(0.0, wake) / rounds, shared=elements * (SUM + FLOAT) / max(reading, 1e-6))


def network_of(record, name):
    layers = record["networks"][name]["layers"]
    cases = grouped(record["runs"], "fit", name)
    timed = {key: seconds_of(runs) for key, runs in cases.items()}
    piece = lambda run, what: sum(pieces.get(what, 0.0) for pieces in run["layers"].values())
    phase = lambda what: statistics.median(statistics.median(r["phases"][what] for r in runs) for runs in cases.values())
    formed = {key: statistics.median(piece(run, "weight_gradient") for run in runs) for key, runs in cases.items()}
    deferred = [0.0, 0.0]
    if all(formed.values()):
        deferred = least_squares([[1 / v, key[2] / v] for key, v in formed.items()], [1.0] * len(formed))
    prepare, update = phase("prepare"), phase("update")

    last = max(cases, key=lambda key: key[2])
    pieces = cases[last][0]["layers"]
    deferring = frozenset(layer for layer, of in pieces.items() if "weight_gradient" in of)
    kinds = {layer["name"]: layer["type"] for layer in layers}
    at_once = max([1] + [64 if kinds[layer] == "conv2d" else 16 for layer in deferring])
    bare = Network(tuple(tuple(layer.items()) for layer in layers), 0, 0, 0, 0, prepare, update, *deferred, 1.0, at_once,
                   deferring, meetings_of(layers), passing(layers, pieces, deferring))
    rows, rest = [], []
    for (_, _, batch, slices, _), seconds in timed.items():
        left = seconds - prepare - update - deferred[0] - deferred[1] * batch
        groups = -(-slices // bare.group_size(Step(batch, slices)))
        rows.append([1 / seconds, groups / seconds, slices / seconds, batch / seconds])
        rest.append(left / seconds)
    fixed, group, slice_, sample = least_squares(rows, rest)
    busy = 1.0
    for key, runs in grouped(record["runs"], "busy", name).items():
        busy = max(1.0, seconds_of(runs) / timed[key])
    return Network(bare.layers, fixed, group, slice_, sample, prepare, update, *deferred, busy, at_once, deferring,
                   bare.meetings, bare.passing)


def meetings_of(layers):
    """Doubles of a slice in each meeting of a step: for each batch normalization moments and gradients, and the loss."""
    channels = [layer["channels"] for layer in layers if layer["type"] == "batch_normalization"]
    return tuple([1 + 2 * c for c in channels] + [2 * c for c in channels] + [5])


def passing(layers, pieces, deferring):
    """By layer, when its gradient is complete, as a share of a step's compute. Deferred ones come at their segment's end,
    before the batch normalization below."""
    total = sum(sum(of.values()) for of in pieces.values())
    done, result, waiting = sum(of["forward"] for of in pieces.values()), {}, []
    for layer in reversed(layers):
        of = pieces.get(layer["name"], {})
        done += of.get("backward", 0.0) + of.get("sum", 0.0)
        if layer["name"] in deferring:
            waiting.append(layer["name"])
        elif layer["parameters"]:
            result[layer["name"]] = done / total
        if layer["type"] == "batch_normalization" or layer is layers[0]:
            for name in waiting:
                done += pieces[name]["weight_gradient"]
                result[name] = done / total
            waiting = []
    return tuple(result.items())
