#!/usr/bin/env python3
"""Records the output shapes and parameter counts that Keras gives layers of random parameters, or that it refuses them.

    python3 -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1
    /tmp/keras/bin/python scripts/record_keras_shapes.py > tests/data/keras_shapes.json

One line a case: the input's shape, the layer in Convoy's configuration keys (which are Keras' parameters), and Keras'
output shape and numbers of parameters and trainable ones, or null where Keras raises an error.
"""

import json
import random

from reference.keras_model import build

import keras

CASES_A_LAYER = 40

random.seed(1)


def size(low, high):
    """One number or [height, width]."""
    pair = [random.randint(low, high), random.randint(low, high)]
    return random.choice([pair[0], pair])


def maybe(parameters):
    """Each parameter with probability 1/2."""
    return {key: value for key, value in parameters.items() if random.random() < 0.5}


def convolution():
    return maybe({"strides": size(1, 3), "padding": random.choice(["valid", "same"]), "dilation_rate": size(1, 3),
                  "use_bias": random.random() < 0.5})


def pooling():
    return maybe({"pool_size": size(1, 4), "strides": size(1, 4), "padding": random.choice(["valid", "same"])})


def border():
    side = lambda: random.randint(0, 3)
    return random.choice([side(), [side(), side()], [[side(), side()], [side(), side()]]])


DRAWS = {
    "conv2d": lambda: {"filters": random.choice([1, 2, 3, 4, 6, 12]), "kernel_size": size(1, 5),
                       **maybe({"groups": random.randint(1, 4)}), **convolution()},
    "depthwise_conv2d": lambda: {"kernel_size": size(1, 5), **maybe({"depth_multiplier": random.randint(1, 3)}),
                                 **convolution()},
    "max_pooling2d": pooling,
    # Keras has no default for its pool_size.
    "average_pooling2d": lambda: {"pool_size": size(1, 4), **pooling()},
    "global_average_pooling2d": dict,
    "flatten": dict,
    "dense": lambda: {"units": random.randint(1, 9), **maybe({"use_bias": random.random() < 0.5})},
    "activation": lambda: {"activation": random.choice(["relu", "gelu", "softmax"])},
    "relu": dict,
    "leaky_relu": dict,
    "softmax": dict,
    "dropout": lambda: {"rate": random.choice([0.0, 0.25, 0.5])},
    "batch_normalization": lambda: maybe({"center": random.random() < 0.5, "scale": random.random() < 0.5}),
    "zero_padding2d": lambda: maybe({"padding": border()}),
}


def input_shape(layer):
    image = layer not in ("dense",) and (random.random() < 0.8 or "2d" in layer)
    if not image:
        return [random.randint(1, 20)]
    return [random.randint(1, 12), random.randint(1, 12), random.choice([1, 2, 3, 4, 6])]


def strides_and_dilation(parameters):
    above_one = lambda key: max([parameters.get(key, 1)] if isinstance(parameters.get(key, 1), int) else parameters[key]) > 1
    return above_one("strides") and above_one("dilation_rate")


def result(layer, parameters, shape):
    # Keras' depthwise layer leaves this to its backend, which refuses it when it runs.
    if strides_and_dilation(parameters):
        return None
    try:
        model = build(shape, [{layer: parameters}])
        trainable = sum(int(keras.ops.size(v)) for v in model.trainable_variables)
        return {"output": list(model.output_shape[1:]), "parameters": model.count_params(), "trainable": trainable}
    except ValueError:
        return None


def main():
    lines = []
    for layer, draw in DRAWS.items():
        for _ in range(CASES_A_LAYER if "2d" in layer and draw is not dict else 8):
            parameters, shape = draw(), input_shape(layer)
            lines.append(json.dumps({"input": shape, "layer": {layer: parameters}, "keras": result(layer, parameters, shape)}))
    print("[\n" + ",\n".join(lines) + "\n]")


main()
