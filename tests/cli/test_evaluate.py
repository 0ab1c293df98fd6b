"""What ``shortlist evaluate`` prints of a report."""

import io
from types import SimpleNamespace

from rich.console import Console

from shortlist.cli.evaluate import print_report
from shortlist.evaluation.reliability import ReliabilityBin
from shortlist.training.report import ProbabilityReport, Report


def decile(predicted, low, high):
    observed = (low + high) / 2
    return ReliabilityBin(
        n=100, lowest=predicted, highest=predicted, predicted=predicted, observed=observed, low=low, high=high
    )


def printed(*deciles, warnings=()):
    report = Report(
        release="one",
        dataset="made up",
        split=None,
        requests=1,
        users=1,
        rows=200,
        stages=(),
        probability=ProbabilityReport(of="P(like)", negatives="made", deciles=deciles),
        warnings=warnings,
    )
    out = io.StringIO()
    print_report(SimpleNamespace(version="one"), report, console=Console(file=out, width=120))
    return out.getvalue()


def test_a_decile_whose_interval_excludes_the_prediction_is_marked():
    text = printed(decile(0.10, 0.05, 0.15), decile(0.10, 0.15, 0.25))
    first, second = (line for line in text.splitlines() if "0.10000" in line)
    assert "*" not in first
    assert "0.500 *" in second
    assert "* the interval excludes the prediction: 1 of 2" in text


def test_without_such_a_decile_nothing_is_said():
    assert "*" not in printed(decile(0.10, 0.05, 0.15))


def test_a_warning_is_printed_before_the_tables():
    text = printed(decile(0.10, 0.05, 0.15), warnings=("the ranker's order is worse [-0.2, -0.1]",))
    assert "WARNING: the ranker's order is worse [-0.2, -0.1]" in text
    assert text.index("WARNING") < text.index("p_like by decile")
