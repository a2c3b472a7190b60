#!/usr/bin/env python3
"""Records what Keras computes, for the tests that compare Convoy with it.

    python3 -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1
    /tmp/keras/bin/python scripts/record_reference.py [--output tests/data]

Writes layers, losses, optimizers and training .safetensors. Their metadata hold the versions and, as JSON, the cases:
layers and optimizers are described in Convoy's own configuration keys, which are Keras' parameters. Inputs are float32;
results are computed and kept in float64 unless a name ends in `32`.
"""

import argparse
import json
import os
import struct
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

LAYERS = {
    "conv2d": keras.layers.Conv2D,
    "depthwise_conv2d": keras.layers.DepthwiseConv2D,
    "max_pooling2d": keras.layers.MaxPooling2D,
    "average_pooling2d": keras.layers.AveragePooling2D,
    "global_average_pooling2d": keras.layers.GlobalAveragePooling2D,
    "flatten": keras.layers.Flatten,
    "dense": keras.layers.Dense,
    "activation": keras.layers.Activation,
    "relu": keras.layers.ReLU,
    "leaky_relu": keras.layers.LeakyReLU,
    "softmax": keras.layers.Softmax,
    "batch_normalization": keras.layers.BatchNormalization,
    "zero_padding2d": keras.layers.ZeroPadding2D,
}


# TensorFlow rounds the constants of these two to float32, also in float64.
tf.nn.leaky_relu = lambda features, alpha=0.2, name=None: tf.where(features > 0, features, alpha * features)
tf.nn.gelu = lambda features, approximate=False, name=None: 0.5 * features * (1 + tf.math.erf(features * 0.5**0.5))


class Recording:
    """Named arrays and cases, written as one safetensors file whose bytes depend on nothing else."""

    def __init__(self):
        self.arrays, self.cases = {}, []

    def add(self, name, array):
        assert name not in self.arrays, name
        self.arrays[name] = np.ascontiguousarray(array)

    def write(self, path):
        types = {"float32": "F32", "float64": "F64", "int32": "I32"}
        versions = f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}"
        header = {"__metadata__": {"versions": versions, "cases": json.dumps(self.cases)}}
        offset = 0
        for name, array in self.arrays.items():
            header[name] = {"dtype": types[array.dtype.name], "shape": array.shape,
                            "data_offsets": [offset, offset + array.nbytes]}
            offset += array.nbytes
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in self.arrays.values():
                file.write(array.tobytes())
        print(f"{path}: {len(self.cases)} cases, {offset / 1e6:.2f} MB")


def use(dtype):
    keras.backend.clear_session()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def floats(rng, shape, scale=1.0):
    """Normal numbers, every one exactly a float32."""
    return (rng.normal(size=shape) * scale).astype(np.float32)


def build(input_shape, layers):
    """A Keras model from the configuration's `input_shape` and `layers`."""
    model = keras.Sequential([keras.Input(input_shape)])
    for layer in layers:
        kind, parameters = next(iter(layer.items())) if isinstance(layer, dict) else (layer, {})
        model.add(LAYERS[kind](**parameters))
    return model


def names(model, trainable):
    """{"conv2d/kernel": variable, …}"""
    return {f"{layer.name}/{v.name}": v for layer in model.layers
            for v in (layer.trainable_variables if trainable else layer.non_trainable_variables)}


# ---- layers ----------------------------------------------------------------------------------------------------------

def conv(**parameters):
    return {"conv2d": parameters}


def layer_cases():
    """(name, input shape, layers)"""
    yield "conv valid", (7, 6, 3), [conv(filters=5, kernel_size=3)]
    yield "conv 1x1", (5, 4, 7), [conv(filters=9, kernel_size=1)]
    yield "conv 1x1 strided", (5, 6, 4), [conv(filters=3, kernel_size=1, strides=2)]
    yield "conv of the whole image", (5, 3, 4), [conv(filters=6, kernel_size=[5, 3])]
    yield "conv no bias", (6, 5, 3), [conv(filters=4, kernel_size=[2, 3], use_bias=False)]
    yield "conv one pixel same", (1, 1, 5), [conv(filters=4, kernel_size=3, padding="same")]
    yield "conv many channels", (4, 5, 19), [conv(filters=35, kernel_size=3, padding="same")]
    yield "conv kernel larger than image same", (3, 2, 3), [conv(filters=4, kernel_size=[5, 6], padding="same")]
    for size in (2, 3, 4, [5, 2], [1, 4]):
        for strides in (1, 2, 3, [2, 3]):
            yield f"conv same kernel {size} strides {strides}", (7, 8, 2), [
                conv(filters=3, kernel_size=size, strides=strides, padding="same")]
    for strides in (2, [3, 1], [1, 2]):
        yield f"conv valid strides {strides}", (8, 9, 3), [conv(filters=4, kernel_size=[3, 2], strides=strides)]
    for padding in ("valid", "same"):
        for dilation in (2, [1, 3], [3, 2]):
            yield f"conv {padding} dilation {dilation}", (9, 8, 3), [
                conv(filters=4, kernel_size=[3, 2], dilation_rate=dilation, padding=padding)]
    yield "conv groups 2", (6, 5, 4), [conv(filters=6, kernel_size=3, groups=2, padding="same")]
    yield "conv groups 3 strides 2", (7, 7, 9), [conv(filters=6, kernel_size=2, groups=3, strides=2, padding="same")]
    yield "conv groups dilation", (8, 7, 4), [conv(filters=4, kernel_size=3, groups=2, dilation_rate=2, padding="same")]
    yield "conv groups as channels", (5, 5, 3), [conv(filters=6, kernel_size=3, groups=3)]
    for activation in ("relu", "leaky_relu", "gelu", "tanh", "sigmoid", "softmax"):
        yield f"conv activation {activation}", (5, 6, 3), [conv(filters=8, kernel_size=3, activation=activation)]

    def depthwise(**parameters):
        return {"depthwise_conv2d": parameters}
    yield "depthwise", (6, 7, 5), [depthwise(kernel_size=3)]
    yield "depthwise multiplier", (6, 5, 3), [depthwise(kernel_size=[2, 3], depth_multiplier=3, padding="same")]
    yield "depthwise strides", (7, 8, 4), [depthwise(kernel_size=3, strides=2, padding="same", activation="relu")]
    yield "depthwise dilation", (8, 9, 3), [depthwise(kernel_size=3, dilation_rate=2, use_bias=False)]
    yield "depthwise separable", (6, 6, 4), [depthwise(kernel_size=3, padding="same"), conv(filters=7, kernel_size=1)]

    yield "max_pooling2d default", (6, 8, 5), ["max_pooling2d"]
    for kind in ("max_pooling2d", "average_pooling2d"):
        yield f"{kind} odd image", (7, 5, 4), [{kind: {"pool_size": 2}}]
        yield f"{kind} same", (7, 5, 4), [{kind: {"pool_size": 2, "padding": "same"}}]
        yield f"{kind} same 3 strides 2", (8, 7, 3), [{kind: {"pool_size": 3, "strides": 2, "padding": "same"}}]
        yield f"{kind} overlapping", (6, 7, 3), [{kind: {"pool_size": [3, 2], "strides": 1}}]
        yield f"{kind} same overlapping", (5, 6, 3), [{kind: {"pool_size": [2, 4], "strides": [1, 2], "padding": "same"}}]
        yield f"{kind} gaps", (8, 9, 3), [{kind: {"pool_size": 2, "strides": 3}}]
    yield "max pooling of equal values", (6, 6, 4), ["relu", {"max_pooling2d": {"pool_size": 3, "strides": 2}}]
    yield "global_average_pooling2d", (5, 7, 6), ["global_average_pooling2d"]

    yield "dense", (13,), [{"dense": {"units": 7}}]
    yield "dense no bias", (5,), [{"dense": {"units": 11, "use_bias": False}}]
    for activation in ("relu", "leaky_relu", "gelu", "tanh", "sigmoid", "softmax"):
        yield f"dense activation {activation}", (19,), [{"dense": {"units": 17, "activation": activation}}]
        yield f"activation {activation}", (3, 4, 6), [{"activation": {"activation": activation}}]
    yield "flatten dense", (3, 4, 5), ["flatten", {"dense": {"units": 6}}]
    yield "relu", (4, 3, 5), ["relu"]
    yield "leaky_relu default slope", (4, 3, 5), ["leaky_relu"]
    yield "leaky_relu slope", (11,), [{"leaky_relu": {"negative_slope": 0.01}}]
    yield "softmax", (2, 3, 7), ["softmax"]
    yield "zero_padding2d", (3, 4, 2), [{"zero_padding2d": {"padding": [[1, 0], [2, 3]]}}]
    yield "zero_padding2d conv", (5, 5, 2), [{"zero_padding2d": {}}, conv(filters=3, kernel_size=3, strides=2)]

    def norm(**parameters):
        return {"batch_normalization": parameters}
    yield "batch_normalization", (5, 4, 6), [norm()]
    yield "batch_normalization vector", (9,), [norm(momentum=0.9, epsilon=0.01)]
    yield "batch_normalization no scale", (4, 4, 3), [norm(scale=False)]
    yield "batch_normalization no center", (4, 4, 3), [norm(center=False)]
    yield "batch_normalization alone", (3, 5, 3), [norm(center=False, scale=False)]
    yield "conv norm relu twice", (8, 7, 3), [
        conv(filters=4, kernel_size=3, padding="same", use_bias=False), norm(), "relu",
        conv(filters=5, kernel_size=3, strides=2, padding="same", use_bias=False), norm(momentum=0.5), "relu",
        "global_average_pooling2d", {"dense": {"units": 4}}]


def record_layers():
    rng = np.random.default_rng(1)
    out = Recording()
    for case, input_shape, layers in layer_cases():
        use("float64")
        model = build(input_shape, layers)
        normalizes = "norm" in case
        x = floats(rng, (6 if normalizes else 2, *input_shape))
        for name, variable in (names(model, True) | names(model, False)).items():
            value = floats(rng, variable.shape, 0.5)
            variable.assign(np.abs(value) + 0.5 if "gamma" in name or "variance" in name else value)
        before = {name: v.numpy() for name, v in names(model, False).items()}
        evaluated = model(x.astype(np.float64), training=False).numpy()

        inputs = tf.Variable(x, dtype=tf.float64)
        with tf.GradientTape(persistent=True) as tape:
            output = model(inputs, training=True)
            grad_output = floats(rng, output.shape)
            loss = tf.reduce_sum(output * grad_output)
        variables = names(model, True)
        gradients = {name: tape.gradient(loss, v.value) for name, v in variables.items()}
        grad_input = tape.gradient(loss, inputs)
        check_gradient(model, x, grad_output, grad_input, variables, gradients, rng, case)

        out.cases.append({"name": case, "input_shape": input_shape, "layers": layers})
        out.add(f"{case}/input", x)
        out.add(f"{case}/grad_output", grad_output)
        out.add(f"{case}/output", output.numpy())
        out.add(f"{case}/grad_input", grad_input.numpy())
        for name, variable in variables.items():
            out.add(f"{case}/parameters/{name}", variable.numpy().astype(np.float32))
            out.add(f"{case}/gradients/{name}", gradients[name].numpy())
        for name, value in before.items():
            out.add(f"{case}/statistics/{name}", value.astype(np.float32))
        if before:
            out.add(f"{case}/evaluated", evaluated)
            for name, variable in after_one_step(model, inputs, before).items():
                out.add(f"{case}/new_statistics/{name}", variable)
    return out


def after_one_step(model, inputs, before):
    for name, variable in names(model, False).items():
        variable.assign(before[name])
    model(inputs, training=True)
    return {name: variable.numpy() for name, variable in names(model, False).items()}


def check_gradient(model, x, grad_output, grad_input, variables, gradients, rng, case):
    """Fails where TensorFlow's gradients are not those of its outputs: along a random direction, by differences."""
    x = x.astype(np.float64)
    direction = {name: rng.normal(size=v.shape) for name, v in variables.items()}
    values = {name: v.numpy() for name, v in variables.items()}
    direction_x = rng.normal(size=x.shape)

    def loss(step):
        for name, variable in variables.items():
            variable.assign(values[name] + step * direction[name])
        return float(tf.reduce_sum(model(x + step * direction_x, training=True) * grad_output))
    step = 1e-7
    slope = (loss(step) - loss(-step)) / (2 * step)
    loss(0.0)
    expected = float(tf.reduce_sum(grad_input * direction_x))
    expected += sum(float(tf.reduce_sum(gradients[name] * direction[name])) for name in variables)
    if case != "max pooling of equal values":  # has no derivative there
        assert abs(slope - expected) < 1e-5 * max(1, abs(expected)), (case, slope, expected)


# ---- losses ----------------------------------------------------------------------------------------------------------

def record_losses():
    use("float64")
    rng = np.random.default_rng(2)
    out = Recording()
    for from_logits in (True, False):
        for smoothing in (0, 0.1, 0.35):
            for kind in ("mild", "wide", "two classes", "equal"):
                classes = 2 if kind == "two classes" else 10
                logits = floats(rng, (7, classes), 12 if kind == "wide" else 1.5)
                if kind == "equal":
                    logits = np.round(logits)
                output = logits
                if not from_logits:
                    output = tf.nn.softmax(logits.astype(np.float64)).numpy().astype(np.float32)
                    if kind == "wide":  # beyond the clipping at both ends
                        output[0], output[1] = np.eye(classes, dtype=np.float32)[3], np.eye(classes, dtype=np.float32)[5]
                labels = rng.integers(0, classes, size=7).astype(np.int32)
                if kind == "wide":
                    labels[:2] = 3
                case = f"{'logits' if from_logits else 'probabilities'} {kind} smoothing {smoothing}"
                add_loss(out, case, from_logits, smoothing, output, labels)
    return out


def add_loss(out, case, from_logits, smoothing, output, labels):
    variable = tf.Variable(output, dtype=tf.float64)
    with tf.GradientTape() as tape:
        if smoothing:  # Keras' sparse loss has none: that of one-hot labels, of logits as the sparse one makes them
            logits = variable if from_logits else tf.math.log(tf.clip_by_value(variable, 1e-7, 1 - 1e-7))
            function = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
            loss = function(tf.one_hot(labels, output.shape[1], dtype=tf.float64), logits)
        else:
            function = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
            loss = function(labels, variable)
    out.cases.append({"name": case, "from_logits": from_logits, "label_smoothing": smoothing})
    out.add(f"{case}/output", output)
    out.add(f"{case}/labels", labels)
    out.add(f"{case}/loss", np.float64(loss).reshape(1))
    out.add(f"{case}/gradient", tape.gradient(loss, variable).numpy())
    accuracy = keras.metrics.sparse_categorical_accuracy(labels, output)
    top5 = keras.metrics.sparse_top_k_categorical_accuracy(labels, output, k=5)
    out.add(f"{case}/correct", np.asarray(accuracy, np.float64))
    out.add(f"{case}/top5", np.asarray(top5, np.float64))


# ---- optimizers ------------------------------------------------------------------------------------------------------

COSINE = {"cosine_decay": {"initial_learning_rate": 0.02, "decay_steps": 7, "alpha": 0.1}}
PIECEWISE = {"piecewise_constant_decay": {"boundaries": [2, 5], "values": [0.03, 0.01, 0.002]}}
OPTIMIZERS = {
    "adam": {"adam": {}},
    "adam other betas": {"adam": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    "adam clipped": {"adam": {"learning_rate": 0.01, "global_clipnorm": 1.5}},
    "adam cosine": {"adam": {"learning_rate": COSINE}},
    "adamw": {"adamw": {}},
    "adamw decay": {"adamw": {"learning_rate": 0.02, "weight_decay": 0.1, "global_clipnorm": 2.0}},
    "sgd": {"sgd": {}},
    "sgd piecewise": {"sgd": {"learning_rate": PIECEWISE}},
    "momentum": {"sgd": {"learning_rate": 0.02, "momentum": 0.9}},
    "momentum clipped": {"sgd": {"learning_rate": 0.05, "momentum": 0.8, "global_clipnorm": 0.7}},
    "nesterov": {"sgd": {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}},
    "nesterov cosine": {"sgd": {"learning_rate": COSINE, "momentum": 0.95, "nesterov": True}},
}
SCHEDULES = {
    "cosine": COSINE,
    "cosine to zero": {"cosine_decay": {"initial_learning_rate": 0.1, "decay_steps": 13}},
    "piecewise": PIECEWISE,
    "cosine behind a warm-up": {"cosine_decay": {"initial_learning_rate": 0.01, "decay_steps": 9, "alpha": 0.05,
                                                 "warmup_target": 0.05, "warmup_steps": 6}},
}


def schedule(config):
    if not isinstance(config, dict):
        return config
    kinds = {"cosine_decay": keras.optimizers.schedules.CosineDecay,
             "piecewise_constant_decay": keras.optimizers.schedules.PiecewiseConstantDecay}
    kind, parameters = next(iter(config.items()))
    return kinds[kind](**parameters)


def optimizer(config):
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
    kind, parameters = next(iter(config.items()))
    parameters = dict(parameters)
    if "learning_rate" in parameters:
        parameters["learning_rate"] = schedule(parameters["learning_rate"])
    return kinds[kind](**parameters)


def record_optimizers():
    rng = np.random.default_rng(3)
    out = Recording()
    shapes = [(3, 3, 2, 4), (4,), (17, 5)]
    weights = [floats(rng, shape, 0.5) for shape in shapes]
    steps = []
    for step in range(10):  # of very different sizes, some zero
        magnitude = 10.0 ** rng.uniform(-2, 0)
        steps.append([floats(rng, shape, magnitude) * (rng.random(shape) > 0.1).astype(np.float32) for shape in shapes])

    def flat(arrays):
        return np.concatenate([np.asarray(array).reshape(-1) for array in arrays])
    out.add("weights", flat(weights))
    out.add("gradients", np.stack([flat(step) for step in steps]))
    for case, config in OPTIMIZERS.items():
        out.cases.append({"name": case, "optimizer": config})
        for dtype, suffix in (("float64", ""), ("float32", "32")):
            use(dtype)
            variables = [keras.Variable(value, dtype=dtype) for value in weights]
            rule = optimizer(config)
            after = []
            for step in steps:
                rule.apply([tf.constant(g, dtype) for g in step], variables)
                after.append(flat(variables))
            out.add(f"{case}/weights{suffix}", np.stack(after))
            for slot in ("momentum", "velocity"):
                slots = [v for v in rule.variables if v.name.endswith(slot)]
                if slots:
                    out.add(f"{case}/{slot}{suffix}", flat(slots))
    use("float64")
    for case, config in SCHEDULES.items():
        out.cases.append({"name": case, "schedule": config})
        rates = schedule(config)
        out.add(f"{case}/rates", np.array([rates(step) for step in range(20)], np.float64))
    return out


# ---- training --------------------------------------------------------------------------------------------------------
# Images, labels and initial weights are computed from their places, here and in tests/support/made_data.h alike.

def mix(n):
    """32 bits from 32: Wellons' lowbias32."""
    n = np.asarray(n, np.uint32)
    n = (n ^ (n >> np.uint32(16))) * np.uint32(0x7FEB352D)
    n = (n ^ (n >> np.uint32(15))) * np.uint32(0x846CA68B)
    return n ^ (n >> np.uint32(16))


def made_images(first, count):
    """uint8 [count, 32, 32, 3] waves of random phase, and the labels that set their direction."""
    i, y, x, c = np.ogrid[first:first + count, 0:32, 0:32, 0:3]
    labels = (mix(0x10000000 + np.arange(first, first + count)) % 10).astype(np.int32)
    label = labels.reshape(-1, 1, 1, 1)
    phase = (mix(0x30000000 + i * 3 + c) >> np.uint32(24)).astype(np.int64)
    position = (8 * (y * (label % 5 - 2) + x * (label // 5 * 2 - 1)) + phase) % 256
    return np.minimum(position, 255 - position).astype(np.uint8), labels


def made_weights(name, shape, tensor):
    """Glorot uniform kernels, biases within 1; `tensor` counts the model's trainable tensors.

    Adam follows every rounding error that flips a ReLU or a maximum near a tie: with noisy images or zero biases, Keras in
    float32 leaves Keras in float64 by 1e-3 within 20 steps. With these values all stay within 1e-6.
    """
    window = np.prod(shape[:-2], dtype=np.int64)
    limit = 1.0 if name.endswith("bias") else np.sqrt(6.0 / np.float64(window * (shape[-2] + shape[-1])))
    word = mix(0x40000000 + tensor * 0x01000000 + np.arange(np.prod(shape)))
    return (((word >> np.uint32(8)) * 2.0**-23 - 1) * limit).astype(np.float32).reshape(shape)


EXAMPLE = [
    conv(filters=32, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    conv(filters=64, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    conv(filters=128, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    "flatten", {"dense": {"units": 128, "activation": "relu"}}, {"dense": {"units": 10}}]
NORMALIZED = [
    conv(filters=8, kernel_size=3, strides=2, padding="same", use_bias=False), {"batch_normalization": {"momentum": 0.9}},
    "relu", {"depthwise_conv2d": {"kernel_size": 3, "padding": "same"}}, conv(filters=12, kernel_size=1, use_bias=False),
    {"batch_normalization": {}}, {"leaky_relu": {"negative_slope": 0.1}}, {"average_pooling2d": {"pool_size": 2}},
    conv(filters=16, kernel_size=3, groups=4, activation="gelu"), "global_average_pooling2d",
    {"dense": {"units": 10}}]
TRAININGS = {
    "example": (EXAMPLE, {"adam": {"learning_rate": 0.001}}),
    "normalized": (NORMALIZED, {"sgd": {"learning_rate": {"cosine_decay": {"initial_learning_rate": 0.2,
                                                                          "decay_steps": 20, "alpha": 0.1}},
                                        "momentum": 0.9, "nesterov": True, "global_clipnorm": 1.0}}),
}
BATCH, STEPS = 32, 20


def record_training():
    out = Recording()
    for case, (layers, config) in TRAININGS.items():
        out.cases.append({"name": case, "input_shape": [32, 32, 3], "layers": layers, "optimizer": config,
                          "batch": BATCH, "steps": STEPS})
        for dtype, suffix in (("float64", ""), ("float32", "32")):
            use(dtype)
            model = build((32, 32, 3), layers)
            for tensor, (name, variable) in enumerate(names(model, True).items()):
                if name.endswith(("kernel", "bias")):
                    variable.assign(made_weights(name, variable.shape, tensor))
            rule, losses = optimizer(config), []
            function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            for step in range(STEPS):
                pixels, labels = made_images(step * BATCH, BATCH)
                with tf.GradientTape() as tape:
                    loss = function(labels, model((pixels / 255).astype(dtype), training=True))
                variables = model.trainable_variables
                rule.apply(tape.gradient(loss, [v.value for v in variables]), variables)
                losses.append(float(loss))
            print(case, dtype, *(f"{loss:.5f}" for loss in losses))
            out.add(f"{case}/losses{suffix}", np.array(losses))
            for name, variable in names(model, False).items():
                out.add(f"{case}/statistics{suffix}/{name}", variable.numpy().astype(np.float64))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "tests" / "data")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name, record in (("layers", record_layers), ("losses", record_losses), ("optimizers", record_optimizers),
                         ("training", record_training)):
        record().write(args.output / f"{name}.safetensors")


if __name__ == "__main__":
    main()
