"""Tests of scripts/scaling_model.py: its arithmetic on measurements that are made up, and the page. Measures nothing.
usage: scaling_model_test.py REPOSITORY"""

import json
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

repository = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(repository / "scripts"))
from scaling import model, plan  # noqa: E402

MADE_OF = {"fixed": 1e-4, "group": 2e-4, "slice": 3e-4, "sample": 1e-3, "prepare": 5e-4, "update": 4e-4, "deferred": 6e-4,
           "deferred_sample": 1e-5}
LAYERS = [{"name": "conv2d", "type": "conv2d", "parameters": 896, "channels": 32},
          {"name": "dense", "type": "dense", "parameters": 262272, "channels": 128},
          {"name": "dense_1", "type": "dense", "parameters": 1290, "channels": 10}]


def run(network, use, batch, slices, seconds=None, ranks=1, threads=1, disturbance=0.0):
    """What a machine that is exactly as the model says would have measured."""
    size = max(1, min(slices, -(-16 * slices // batch)))
    formed = MADE_OF["deferred"] + MADE_OF["deferred_sample"] * batch
    exact = (MADE_OF["fixed"] + -(-slices // size) * MADE_OF["group"] + slices * MADE_OF["slice"] +
             batch * MADE_OF["sample"] + MADE_OF["prepare"] + MADE_OF["update"] + formed)
    layers = {"conv2d": {"forward": 1.0, "backward": 1.0, "sum": 0.5},
              "dense_1": {"forward": 0.1, "backward": 0.1, "sum": 0.1},
              "dense": {"forward": 0.2, "backward": 0.2, "weight_gradient": formed, "sum": 0.1}}
    return {"network": network, "use": use, "ranks": ranks, "threads": threads, "batch": batch, "slices": slices,
            "reduce": "exact", "seconds": seconds or exact, "disturbance": disturbance, "layers": layers,
            "phases": {"prepare": MADE_OF["prepare"], "update": MADE_OF["update"]},
            "shares": {"compute": 0.5, "update": 0.3},
            "peaks": {"bytes_per_second": 20e9}}


def record():
    names = ["cifar10-cnn", "cifar10-vgg11-bn"]
    runs = []
    for name in names:
        runs += [run(name, "fit", *of) for of in [(8, 1), (16, 1), (16, 2), (16, 16), (24, 3), (48, 3), (48, 6), (96, 12)]]
        runs += [run(name, "fit", 48, 6, 9.0), run(name, "fit", 48, 6, 1e-6, disturbance=0.5)]
        runs += [run(name, "busy", 48, 6, 1.1 * run(name, "fit", 48, 6)["seconds"])]
        runs += [run(name, "check", 64, 8), run(name, "check", 64, 8, 0.05, ranks=2)]
    runs += [run("light", "fit", 8, 2, 1e-3), run("light", "fit", 4, 1, 6e-4), run("light", "threads", 8, 2, 9e-4, threads=2),
             run("light", "ranks", 8, 2, 8e-4, ranks=2)]
    return {"facts": {"processor": "a", "cores": 2, "convoy": "1", "date": "2030-01-02"}, "runs": runs,
            "networks": {name: {"layers": LAYERS} for name in [*names, "light"]}}


class ScalingModel(unittest.TestCase):
    def setUp(self):
        self.network = model.network_of(record(), "cifar10-cnn")
        self.machine = model.machine_of(record())

    def test_the_fit_finds_what_the_measurements_are_made_of(self):
        for name, seconds in MADE_OF.items():
            self.assertAlmostEqual(getattr(self.network, name), seconds, delta=1e-3 * seconds, msg=name)
        self.assertAlmostEqual(self.network.busy, 1.1)
        self.assertAlmostEqual(self.machine.wake, 3e-4 / 4)  # 80 % of 1 ms are shared out, in four rounds
        owned = 33 * 4096 + 864  # by the rank that owns most
        self.assertAlmostEqual(12 * owned / self.machine.shared, 8e-4 - 6e-4 * 0.85)

    def test_one_rank_exchanges_nothing_and_takes_what_was_measured(self):
        parts = model.step_time(self.network, self.machine, model.Step(64, 8))
        self.assertEqual((parts.shared, parts.exposed, parts.weights, parts.meetings, parts.wake), (0, 0, 0, 0, 0))
        self.assertAlmostEqual(parts.total, run("", "", 64, 8)["seconds"], places=6)

    def test_without_a_network_or_costs_of_a_step_efficiency_is_a_matter_of_slices(self):
        free = replace(self.network, fixed=0.0, prepare=0.0, update=0.0, deferred=0.0, group=0.0, busy=1.0)
        machine = model.Machine(wake=0.0, shared=float("inf"), message=0.0, host_shared=float("inf"))
        seconds = lambda ranks: model.step_time(free, machine, model.Step(48, 6, ranks, per_host=1)).total
        for ranks, slices in [(1, 6), (2, 3), (3, 2), (4, 2), (5, 2), (6, 1)]:
            self.assertAlmostEqual(seconds(ranks), seconds(1) * slices / 6)

    def test_a_slower_network_and_wider_sums_never_make_a_step_faster(self):
        step = model.Step(1024, 64, 64, per_host=8)
        times = [model.step_time(self.network, self.machine, step, link).total for link in [*model.NETWORKS, model.IDEAL]]
        self.assertEqual(times, sorted(times, reverse=True))
        native = model.step_time(self.network, self.machine, replace(step, reduce="native"), model.NETWORKS[0])
        self.assertLess(native.total, times[0])

    def test_hosts_exchange_all_but_what_they_own(self):
        for ranks, per_host in [(2, 1), (8, 4), (6, 4), (64, 16)]:
            buckets = plan.Plan(LAYERS, ranks).buckets
            elements = plan.Plan(LAYERS, 1).elements
            self.assertEqual(sum(sum(counts) for counts, _ in buckets), elements)
            for counts, _ in buckets:
                traffic = plan.Traffic(counts, per_host)
                hosts = -(-ranks // per_host)
                self.assertLessEqual(traffic.out, sum(counts))
                self.assertGreaterEqual(traffic.into * hosts, sum(counts) * (hosts - 1))
                self.assertEqual(plan.Traffic(counts, ranks).messages, 0)

    def test_buckets_begin_where_layers_do_and_owners_change_between_blocks(self):
        two = plan.Plan(LAYERS, 2)
        self.assertEqual([names for _, names in two.buckets], [["dense_1", "dense"], ["conv2d"]])
        self.assertEqual(two.buckets[0][0], [33 * 4096, 262272 + 1280 + 16 - 33 * 4096])
        self.assertEqual(two.buckets[1][0], [864, 32])

    def test_the_page_has_every_table(self):
        with tempfile.TemporaryDirectory() as folder:
            kept, page = Path(folder, "record.json"), Path(folder, "page.md")
            kept.write_text(json.dumps(record()))
            subprocess.run([sys.executable, repository / "scripts/scaling_model.py", "--report", kept, "--output", page],
                           check=True, stdout=subprocess.DEVNULL, timeout=60)
            text = page.read_text()
        self.assertIn("| 1 × 1, batch 64 |", text)
        self.assertIn("| 1024 | 65,536 | 1024 |", text)
        self.assertNotIn("nan", text)


unittest.main()
