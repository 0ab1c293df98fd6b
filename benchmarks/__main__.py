"""``python -m benchmarks NAME [--quick] [--json] [--seed N]``; ``--list`` names them all."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import msgspec

import benchmarks
from benchmarks.report import Benchmark, Report, machine, print_table
from shortlist.core.errors import ShortlistError


def names() -> list[str]:
    """The modules of this package that have a ``run``; packages in it hold their parts."""
    modules = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.ispkg]
    return [name for name in modules if name not in {"report", "__main__"}]


def main() -> int:
    """The exit status: 2 for a wrong name or a missing data set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", help="which benchmark")
    parser.add_argument("--list", action="store_true", help="name them all")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first look")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.list:
        print("\n".join(names()))
        return 0
    if asked.name not in names():
        parser.error(f"there is no benchmark {asked.name!r}; there are: {', '.join(names())}")
    run: Benchmark = importlib.import_module(f"benchmarks.{asked.name}").run
    try:
        report = Report(asked.name, run(asked.quick, asked.seed), machine(), asked.seed)
    except ShortlistError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_table(report)
    if asked.json:
        print(msgspec.json.encode(report).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
