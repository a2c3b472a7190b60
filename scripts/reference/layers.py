"""Outputs, gradients and moving statistics of small layer stacks."""

import numpy as np
import tensorflow as tf

from reference.keras_model import build, conv, names
from reference.recording import Recording, floats, use


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
