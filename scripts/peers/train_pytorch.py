#!/usr/bin/env python3
"""Images a second of PyTorch training or evaluating a network of configs/ on random pixels.

usage: train_pytorch.py [--network cifar10-cnn|cifar10-vgg11-bn] [--batch N] [--threads N] [--ranks N] [--seconds S]
                        [--dtype float32|bfloat16] [--inference]

--batch is the global batch. With several ranks, DistributedDataParallel over gloo, --threads a rank. PyTorch at its
best settings on a CPU: channels_last, fused Adam. Prints one JSON object a round of about S seconds, five rounds.
"""
import argparse
import json
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn


def example():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 10))


def vgg11_bn():
    layers = []
    channels = 3
    for filters in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if filters == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(512, 10))


NETWORKS = {"cifar10-cnn": example, "cifar10-vgg11-bn": vgg11_bn}


def run(rank, options):
    torch.set_num_threads(options.threads)
    model = NETWORKS[options.network]().to(memory_format=torch.channels_last)
    if options.ranks > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port))
        dist.init_process_group("gloo", rank=rank, world_size=options.ranks)
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    batch = options.batch // options.ranks
    x = torch.rand(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (batch,))
    loss_function = nn.CrossEntropyLoss()

    def evaluate():
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bfloat16"):
            (model(x).argmax(1) == y).sum().item()

    def train():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bfloat16"):
            loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()

    step = evaluate if options.inference else train
    model.train(not options.inference)
    for _ in range(10):
        step()
    start = time.perf_counter()
    for _ in range(20):
        step()
    steps = torch.tensor(max(int(options.seconds * 20 / (time.perf_counter() - start)), 1))
    if options.ranks > 1:
        dist.broadcast(steps, 0)
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(int(steps)):
            step()
        if rank == 0:
            rate = int(steps) * options.batch / (time.perf_counter() - start)
            print(json.dumps({"peer": "pytorch", "version": torch.__version__, "images_per_second": rate}), flush=True)
    if options.ranks > 1:
        dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="cifar10-cnn")
    parser.add_argument("--inference", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--port", type=int, default=29541)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    if options.ranks == 1:
        run(0, options)
    else:
        mp.spawn(run, args=(options,), nprocs=options.ranks)


if __name__ == "__main__":
    main()
