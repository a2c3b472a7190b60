#!/usr/bin/env python3
"""Trains the example of configs/cifar10-cnn.yaml in Keras, to compare the curves.

    python3 -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1
    /tmp/keras/bin/python scripts/record_curve_keras.py data/cifar-10-batches-bin > keras.jsonl

Prints one JSON object an epoch: epoch, loss, accuracy, val_loss, val_accuracy, seconds; the versions go to stderr.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from reference.keras_model import EXAMPLE, build

import keras
import numpy as np
import tensorflow as tf

RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes


def read_split(paths):
    """float32 [N, 32, 32, 3] in [0, 1], int32 [N]"""
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, RECORD) for path in paths])
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return pixels.astype(np.float32) / 255, records[:, 0].astype(np.int32)


class Print(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        figures = {name: round(float(value), 5) for name, value in logs.items()}
        print(json.dumps({"epoch": epoch + 1, **figures, "seconds": round(time.monotonic() - self.start, 2)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="directory of data_batch_*.bin and test_batch.bin")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--limit", type=int, help="only the first N of each split")
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    training = sorted(args.data.glob("data_batch_*.bin"))
    if not training:
        parser.error(f"{args.data} holds no data_batch_*.bin")
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}, {os.cpu_count()} cores", file=sys.stderr)

    keras.utils.set_random_seed(args.seed)
    x, y = (split[:args.limit] for split in read_split(training))
    validation = tuple(split[:args.limit] for split in read_split([args.data / "test_batch.bin"]))
    model = build((32, 32, 3), EXAMPLE)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), metrics=["accuracy"],
                  loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=args.batch, epochs=args.epochs, validation_data=validation, verbose=0,
              callbacks=[Print()])


if __name__ == "__main__":
    main()
