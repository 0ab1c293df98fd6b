"""Benchmarks share one contract: a name, a table, and with ``--json`` one object as the last line."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import names
from benchmarks.report import Report, Row, machine, print_table, quantile_interval

ROOT = Path(__file__).parents[2]


def command(*arguments):
    line = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_list_names_every_benchmark():
    listed = command("--list")
    assert listed.returncode == 0
    assert listed.stdout.split() == names()
    assert "funnel" in names()


def test_an_unknown_name_is_refused_with_those_there_are():
    refused = command("nope")
    assert refused.returncode == 2
    assert "there is no benchmark 'nope'; there are: " in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", names())
def test_every_benchmark_takes_quick_and_seed(name):
    assert list(inspect.signature(importlib.import_module(f"benchmarks.{name}").run).parameters) == ["quick", "seed"]


def test_a_report_is_a_table_and_one_json_object(capsys):
    import msgspec

    report = Report("x", [Row("shortlist", "a", 1.5, "ms", 1.0, 2.0), Row("peer", "a", 3.0, "ms")], machine(), 7)
    print_table(report)
    assert "1 to 2" in capsys.readouterr().out
    read = json.loads(msgspec.json.encode(report))
    assert set(read) == {"name", "rows", "machine", "seed"}
    assert read["rows"][0] == {"who": "shortlist", "what": "a", "value": 1.5, "unit": "ms", "low": 1.0, "high": 2.0}
    assert set(read["rows"][1]) == {"who", "what", "value", "unit"}


@pytest.mark.statistical
def test_the_interval_of_a_quantile_covers_it_as_often_as_it_says():
    """2,000 samples of 400; coverage of a 95% interval within 93.5 to 97.5%; false alarms below 1 in 1,000."""
    rng = np.random.default_rng(5)
    samples = rng.exponential(size=(2_000, 400))
    truth = -np.log(0.5)
    covered = np.mean([low <= truth <= high for _, low, high in (quantile_interval(s, 0.5) for s in samples)])
    assert 0.935 <= covered <= 0.975
