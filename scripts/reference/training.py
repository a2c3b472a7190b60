"""The losses of whole trainings, of the example and of a normalised network."""

import keras
import numpy as np
import tensorflow as tf

from reference.keras_model import EXAMPLE, build, conv, names
from reference.optimizers import optimizer
from reference.recording import Recording, use

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
