"""What the recorders of numbers share."""

import json
import struct

import keras
import numpy as np
import tensorflow as tf

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
