"""docs/scaling.md: what the model is, how far it holds, and what it predicts."""

from scaling.model import (DISTURBED, IDEAL, NETWORKS, Link, Step, auto_slices, grouped, machine_of, network_of,
                           seconds_of, step_time)
from scaling.plan import Traffic

RANKS = [8, 16, 32, 64, 128, 256, 512, 1024]
TITLES = {"cifar10-cnn": "the example, `configs/cifar10-cnn.yaml`", "cifar10-vgg11-bn": "VGG-11 with batch normalisation"}


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def checks(record, name):
    """(step, seconds measured, the model's parts, the least disturbance) of the cases that the model was not fitted on."""
    network, machine, rows = network_of(record, name), machine_of(record), []
    loopback = Link("loopback", 20e-6, record.get("loopback", 1e9), 5e-6)
    for use, per_host in (("check", Step.per_host), ("messages", 1)):
        for (ranks, threads, batch, slices, reduce), runs in grouped(record["runs"], use, name).items():
            step = Step(batch, slices or auto_slices(batch), ranks, threads, per_host, reduce)
            rows.append((step, seconds_of(runs), step_time(network, machine, step, loopback),
                         min(run["disturbance"] for run in runs)))
    order = lambda step: (step.ranks * step.threads, step.ranks, -step.per_host, step.reduce, step.batch)
    return sorted(rows, key=lambda row: order(row[0]))


def checks_table(record, name):
    rows = []
    for step, measured, parts, disturbance in checks(record, name):
        what = f"{step.ranks} × {step.threads}, batch {step.batch}" + (", `native`" if step.reduce == "native" else "")
        what += ", by messages" if step.per_host == 1 else ""
        error = f"{100 * (parts.total / measured - 1):+.0f} %"
        rows.append((what, f"{1e3 * measured:.2f}", f"{1e3 * parts.total:.2f}", error, f"{100 * disturbance:.0f} %"))
    return table(["ranks × threads", "measured, ms", "model, ms", "error", "disturbed"], rows)


def parameters_table(record):
    rows, networks = [], [network_of(record, name) for name in TITLES]
    for field, what in [("sample", "a sample"), ("slice", "a slice: its weights read, its gradient summed"),
                        ("group", "a group of slices computed together"), ("prepare", "packing weights, a step"),
                        ("deferred", "forming deferred weight gradients, a step"),
                        ("deferred_sample", "and a sample"), ("update", "the optimizer over all weights"),
                        ("fixed", "the rest of a step")]:
        rows.append((f"`{field}`", what, *(f"{1e6 * getattr(n, field):,.1f} µs" for n in networks)))
    rows.append(("`busy`", "all of these while both cores are at it, against one", *(f"{n.busy:.2f}" for n in networks)))
    return table(["", "takes", *TITLES], rows)


def slices_for(batch, ranks):
    """`auto`, or one a rank where that leaves ranks without a slice; none where there are fewer samples than ranks."""
    auto = auto_slices(batch)
    return auto if auto >= ranks else ranks if batch >= ranks else None


def predictions(network, machine, batches, per_host, links, reduce="exact"):
    """A row for each number of ranks that the batch has samples for."""
    rows = []
    for ranks in RANKS:
        batch = batches(ranks)
        slices = slices_for(batch, ranks)
        if slices is None:
            continue
        cells = [ranks, f"{batch:,}", slices]
        for link in links:
            step = Step(batch, slices, ranks, per_host=per_host, reduce=reduce)
            seconds = step_time(network, machine, step, link).total
            alone = step_time(network, machine, Step(batch, auto_slices(batch))).total
            cells.append(f"{number(batch / seconds)} ({100 * alone / seconds / ranks:.0f} %)")
        rows.append(cells)
    return rows


def predictions_table(network, machine, batches, per_host):
    links = [*NETWORKS, IDEAL]
    heads = ["ranks", "batch", "slices", *(link.name for link in NETWORKS), "no network"]
    return table(heads, predictions(network, machine, batches, per_host, links))


def parts_table(network, machine, per_host, link):
    rows = []
    for ranks in RANKS:
        batch = 64 * ranks
        parts = step_time(network, machine, Step(batch, slices_for(batch, ranks), ranks, per_host=per_host), link)
        named = [parts.compute, parts.shared, parts.exposed, parts.update, parts.weights, parts.meetings]
        rows.append([ranks, *(f"{1e3 * seconds:.2f}" for seconds in named), f"{1e3 * parts.total:.2f}"])
    return table(["ranks", "compute", "memory", "sums' way", "update", "weights' way", "meetings", "step, ms"], rows)


def messages_table(network, per_host):
    """What a step sends, by the ranks a host."""
    rows = []
    for ranks in RANKS:
        plan = network.plan(ranks)
        cells = [ranks, f"{sum(1 for rank in range(ranks) if any(counts[rank] for counts, _ in plan.buckets)):,}",
                 f"{plan.owned() * ranks / plan.elements:.1f}"]
        for each in (per_host, 1):
            traffic = [Traffic(counts, min(each, ranks)) for counts, _ in plan.buckets]
            away = ranks - min(each, ranks)
            cells += [f"{sum(t.messages for t in traffic):,}", f"{8e-6 * sum(max(t.into, t.out) for t in traffic):.2f}",
                      f"{2 * away * len(network.meetings):,}"]
        rows.append(cells)
    heads = ["ranks", "owners", "most owned / mean"]
    for each in (per_host, 1):
        heads += [f"messages of sums, {each} a host", "MB a host", "messages of meetings"]
    return table(heads, rows)


def page(record, per_host):
    machine, facts = machine_of(record), record["facts"]
    networks = {name: network_of(record, name) for name in TITLES}
    rows = [row for name in TITLES for row in checks(record, name)]
    errors = [abs(parts.total / measured - 1) for _, measured, parts, _ in rows]
    within = sum(error <= 0.1 for error in errors)
    one = [abs(parts.total / measured - 1) for step, measured, parts, _ in rows if step.ranks * step.threads == 1]
    two = [abs(parts.total / measured - 1) for step, measured, parts, _ in rows if step.ranks * step.threads > 1]
    disturbed = sum(run["disturbance"] > DISTURBED for run in record["runs"])
    sections = []
    for name, title in TITLES.items():
        network = networks[name]
        fixed = lambda batch: predictions_table(network, machine, lambda ranks: batch, per_host)
        sections.append("\n\n".join([
            f"## Predicted: {title}",
            f"{network.plan(1).elements:,} parameters in {len(network.plan(1).buckets)} buckets; {len(network.meetings)} "
            f"meeting{'s' * (len(network.meetings) > 1)} a step. A cell is images/s and the efficiency: the speed of one rank alone at the same batch and "
            f"`slices: auto`, times the ranks, is 100 %. Where `auto` makes fewer slices than ranks, each rank has one.",
            "Growing batch, 64 a rank:", predictions_table(network, machine, lambda ranks: 64 * ranks, per_host),
            "Fixed batch of 128:", fixed(128), "Fixed batch of 1,024:", fixed(1024), "Fixed batch of 8,192:", fixed(8192),
            f"Parts of a step in ms, 64 a rank, {NETWORKS[1].name}:", parts_table(network, machine, per_host, NETWORKS[1]),
            "What a step sends, at most, of any rank or host:", messages_table(network, per_host)]))
    checked = [f"{title[0].upper()}{title[1:]}:\n\n{checks_table(record, name)}" for name, title in TITLES.items()]
    assumed = [(link.name, f"{link.bandwidth / 1e9:.2f}", f"{1e6 * link.latency:.0f}", f"{1e6 * link.message:.1f}")
               for link in NETWORKS]
    fits = [key for name in TITLES for key in grouped(record["runs"], "fit", name)]
    fitted = f"batches of {min(key[2] for key in fits)} to {max(key[2] for key in fits)}"
    return TEXT.format(
        **facts, bounds=bounds(networks), per_host=per_host, runs=len(record["runs"]), disturbed=disturbed, within=within,
        cases=len(errors), fitted=fitted, worst_one=100 * max(one), worst_two=100 * max(two), checks="\n\n".join(checked),
        loopback=record.get("loopback", 0) / 1e9, parameters=parameters_table(record), wake=1e6 * machine.wake,
        shared=machine.shared / 1e9, host_shared=machine.host_shared / 1e9,
        message=1e6 * machine.message, packing=1e3 * networks["cifar10-vgg11-bn"].prepare, predictions="\n\n".join(sections),
        links=table(["", "bandwidth, GB/s", "latency, µs", "a message, µs"], assumed),
        blocks=len(networks["cifar10-cnn"].plan(1).blocks) - 1)


def bounds(networks):
    """What no network can better: the slices, and the bytes."""
    rows = []
    for name, network in networks.items():
        for batch in (128, 1024, 8192):
            most = min(batch, RANKS[-1])
            rate = batch / network.compute(Step(batch, most, most))
            elements = network.plan(1).elements
            rows.append((f"{name}, batch {batch:,}", auto_slices(batch), most, number(rate),
                         *(number(batch * link.bandwidth / (12 * elements)) for link in NETWORKS)))
    return table(["", "ranks with `slices: auto`", "most ranks", "images/s there, compute alone",
                  *(f"by the bytes of {link.name}" for link in NETWORKS)], rows)


TEXT = """# Scaling, on paper

Written by `scripts/scaling_model.py`: it measures what a training step is made of on one rank of one thread, compares what
follows for other batches, threads and ranks with measurements that it has not used, and says what follows for 8 to 1,024 ranks.
**Nothing beyond two ranks has been measured.** Of {cases} cases measured, {within} are within 10 % of the model.

## Bounds first

- Slices are the only parallelism: no more ranks, or threads in all, have work than there are slices, and no slice is smaller
  than a sample. `slices: auto` makes at most 64.
- Each slice costs time of its own beside its samples', so smaller slices are dearer: at one sample a slice the weights are read
  for one sample.
- Between hosts, `reduce: exact` takes 8 bytes of sums and 4 of new weights a parameter into each host and out of it, however many
  hosts and ranks there are, less the share that the host owns; `native` takes 4 and 4. A step is no shorter than these take,
  however much of the sums' way backward hides; and the new weights' way is never hidden.
- What each rank does alone in every step does not divide: packing weights, and the fixed part of deferred weight gradients.

{bounds}

## The model

A step is the sum of what the rank that is last does:

`compute + waking threads + shared memory + the sums' way between hosts + update + weights' way + meetings`

- **compute** = `fixed` + `prepare`/W + groups·`group` + slices·`slice` + samples·`sample` + (`deferred` + samples of the
  rank·`deferred_sample`)/W, with the groups, slices and samples of the worker that has most of the rank's W threads; times `busy`
  where another core is at it. Consecutive slices form a group as in `layers/executor.cpp`.
- **waking threads**: {wake:.0f} µs for each of the rounds of a step (packing, each direction of each segment, each deferred gradient,
  the update) where a rank has several threads; measured on a network of next to no arithmetic, as is the next figure.
- **shared memory**: the owner reads the sums of the other ranks of its host where they lie, and those that arrived; all ranks read the
  new weights that others wrote; at {shared:.1f} GB/s for a core and, assumed, {host_shared:.0f} GB/s for all of a host.
- **the sums' way**: buckets start in their order, each once its layers have passed backward on the last rank, and move what
  `comm/shared_exchange.cpp` moves: to each owner one message from each other host. A bucket takes the longer of its bytes through the
  host that has most and its messages through the rank that has most. Only what ends after backward counts.
- **update**: `update`/W, times the share of the weights of the rank that owns most. Owners change between blocks of 4,096 elements
  (`comm/bucket_plan.cpp`), and the script plays that plan.
- **weights' way**: likewise, 4 bytes an element, after the update.
- **meetings**: each rank sends each other rank a message, and receives one, at {message:.0f} µs within a host (assumed) and as below
  between hosts. Without batch normalisation there is one a step.

{parameters}

Networks, as assumed: 90 % of the line.

{links}

Left out: ranks that are late by chance (all wait for the last of them in each meeting), that MPI moves a bucket only while a
layer that has passed lends it a moment, the processor's time for TCP, other jobs on the network, more than one switch, memory
bandwidth that more than two busy cores of a host share while computing, and the norm that clipping takes.

## How far it holds

{processor}, {cores} cores; Convoy {convoy}; {date}. What counts of a case is the fastest
tenth of the steps of any of its runs, as all that disturbs makes a step longer. `disturbed` is the share of the cores' time that
others took in the least disturbed run; they took more than 3 % during {disturbed} of {runs} runs.

The fit uses 1 rank of 1 thread at {fitted}. Of the {cases} cases below, none of which was used, {within} are within 10 %: the worst on
one core is off by {worst_one:.0f} %, on two by {worst_two:.0f} %.

{checks}

"By messages": two ranks that get no shared memory (`ulimit -f`), so that they exchange as ranks of two hosts do, over TCP on the
loopback. The model takes its bandwidth from a program that only sends: {loopback:.2f} GB/s each way. It lets backward hide that time,
but over the loopback the same two cores copy the bytes, so the more of them there are, the more it promises too much.

All hosts in what follows have {per_host} ranks of one thread, one a core as fast as this machine's while both are busy.

{predictions}

## What would have to change for many ranks

- **A bucket that waits for a deferred gradient holds up all others.** Buckets start in their order, and the example's first one
  holds its large dense layer, whose gradient is formed last: nothing of its exchange overlaps with backward. Starting in the order
  in which they are complete, which is known beforehand, would hide the convolutions' part.
- **Few ranks own anything.** Whole blocks of 4,096 elements have an owner, so the example's {blocks} blocks keep no more ranks than that
  busy, and in every bucket much the same ones: the update divides no further, and with one rank a host few hosts receive
  everything ("owners" and "most owned / mean"). Blocks should be dealt out over the whole arena, or be smaller: squared norms would be
  summed in other blocks, and bits of runs that clip would change once.
- **Every rank tells every other in a meeting**: 2·(ranks − 1) messages a rank, with batch normalisation two meetings a layer, and each
  record goes to every rank of a host apart. One rank of each host should gather for it, and the hosts exchange along a tree:
  2·log2(hosts) messages. For VGG-11 this soon costs more than all other exchange: see its parts of a step.
- **A message of each host to each owner.** Within a host one relay adds up first, so their number grows with the hosts, not the
  ranks. Beyond some hundred hosts a ring or a tree over hosts would send fewer, larger ones; integers can be added on the way in any order.
- **Every rank packs all weights in every step**, for kernels that want them in another order ({packing:.0f} ms for VGG-11). Ranks of a host
  could each pack what they own, and read the rest where it lies.
- **Steps of 64 slices.** `auto` has to grow with the batch before more than 64 ranks have work without `train.slices`.

## Again

```sh
scripts/scaling_model.py                       # measures, some minutes, and writes this page
scripts/scaling_model.py --record FILE         # and keeps the measurements
scripts/scaling_model.py --report FILE         # writes the page from them
```
"""
