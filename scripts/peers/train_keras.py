#!/usr/bin/env python3
"""Images a second of Keras (TensorFlow) training the network of configs/cifar10-cnn.yaml on random pixels.

usage: train_keras.py [--batch N] [--threads N] [--seconds S] [--dtype float32|mixed_bfloat16]

A compiled training step over batches that are already tensors. Prints one JSON object a round of about S seconds, five
rounds.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--dtype", choices=["float32", "mixed_bfloat16"], default="float32")
    options = parser.parse_args()

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    from reference.keras_model import EXAMPLE, build
    import keras
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.mixed_precision.set_global_policy(options.dtype)
    model = build((32, 32, 3), [*EXAMPLE[:-1], {"dense": {"units": 10, "dtype": "float32"}}])
    optimizer = keras.optimizers.Adam(1e-3)
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x = tf.random.uniform((options.batch, 32, 32, 3))
    y = tf.random.uniform((options.batch,), maxval=10, dtype=tf.int32)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=False)
    def step():
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    for _ in range(10):
        step()
    start = time.perf_counter()
    for _ in range(20):
        step()
    steps = max(int(options.seconds * 20 / (time.perf_counter() - start)), 1)
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        loss.numpy()
        rate = steps * options.batch / (time.perf_counter() - start)
        print(json.dumps({"peer": "keras", "version": f"{keras.__version__}/{tf.__version__}", "images_per_second": rate}),
              flush=True)


if __name__ == "__main__":
    main()
