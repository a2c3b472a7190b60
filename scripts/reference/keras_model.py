"""Keras models from Convoy's own configuration keys, which are Keras' parameters."""

import keras

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
    "dropout": keras.layers.Dropout,
    "zero_padding2d": keras.layers.ZeroPadding2D,
}


def conv(**parameters):
    return {"conv2d": parameters}


# The network of configs/cifar10-cnn.yaml, of input (32, 32, 3).
EXAMPLE = [
    conv(filters=32, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    conv(filters=64, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    conv(filters=128, kernel_size=3, padding="same", activation="relu"), {"max_pooling2d": {"pool_size": 2}},
    "flatten", {"dense": {"units": 128, "activation": "relu"}}, {"dense": {"units": 10}}]


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
