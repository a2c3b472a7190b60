"""Ten steps of each optimizer, and the schedules."""

import keras
import numpy as np
import tensorflow as tf

from reference.recording import Recording, floats, use

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
