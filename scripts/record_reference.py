#!/usr/bin/env python3
"""Records what Keras computes, for the tests that compare Convoy with it.

    python3 -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1
    /tmp/keras/bin/python scripts/record_reference.py [--output tests/data]

Writes layers, losses, optimizers and training .safetensors. Their metadata hold the versions and, as JSON, the cases:
layers and optimizers are described in Convoy's own configuration keys, which are Keras' parameters. Inputs are float32;
results are computed and kept in float64 unless a name ends in `32`.
"""

import argparse
from pathlib import Path

from reference.layers import record_layers
from reference.losses import record_losses
from reference.optimizers import record_optimizers
from reference.training import record_training


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
