"""The loss, its gradient and the metrics."""

import keras
import numpy as np
import tensorflow as tf

from reference.recording import Recording, floats, use


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
