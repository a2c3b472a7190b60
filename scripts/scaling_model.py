#!/usr/bin/env python3
"""Measures what a training step is made of, and predicts it for other numbers of ranks: writes docs/scaling.md.

    scripts/scaling_model.py                      # measures for some minutes, and writes the page
    scripts/scaling_model.py --report FILE        # writes the page from what --record FILE has kept

Needs build/release/bin/convoy, mpirun and two cores; best on a machine that does nothing else: of each case the best
run counts, and the page says by how much others disturbed it.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scaling import measure, page  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of all cases in turn (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.8, help="that a run's steps take, about (%(default)s)")
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="keep the measurements there, as JSON; those there already count too")
    parser.add_argument("--report", type=Path, metavar="FILE", help="measure nothing, take the measurements from there")
    parser.add_argument("--ranks-per-host", type=int, default=16, help="in what is predicted (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the page (docs/scaling.md)")
    options = parser.parse_args()
    for name in ("record", "report", "output"):
        if getattr(options, name):
            setattr(options, name, getattr(options, name).resolve())
    os.chdir(Path(__file__).resolve().parent.parent)
    output = options.output or Path("docs/scaling.md")

    if options.report:
        record = json.loads(options.report.read_text())
    else:
        if not Path(measure.PROGRAM).exists():
            parser.error(f"there is no {measure.PROGRAM}: cmake --preset release && cmake --build --preset release")
        if len(os.sched_getaffinity(0)) < 2:
            parser.error("two cores are needed: the model is compared with runs of two threads and of two ranks")
        kept = json.loads(options.record.read_text()) if options.record and options.record.exists() else None
        if kept and {**kept["facts"], "date": ""} != {**measure.facts(), "date": ""}:
            parser.error(f"{options.record} was measured on another machine or with another Convoy; choose another file")
        record = measure.measure(list(measure.NETWORKS), options.rounds, options.seconds,
                                 lambda text: print(text, file=sys.stderr, flush=True), kept)
        if options.record:
            options.record.write_text(json.dumps(record, indent=0))
    output.write_text(page.page(record, options.ranks_per_host))
    print(output)


if __name__ == "__main__":
    main()
