"""What ``shortlist evaluate`` prints of a report."""

import io
from types import SimpleNamespace

import numpy as np
from rich.console import Console

from shortlist.cli.evaluate import print_report
from shortlist.evaluation.bootstrap import Interval
from shortlist.evaluation.drift import watch_drift
from shortlist.evaluation.reliability import ReliabilityBin
from shortlist.training.ads import AdReport
from shortlist.training.report import ProbabilityReport, Report


def decile(predicted, low, high):
    observed = (low + high) / 2
    return ReliabilityBin(
        n=100, lowest=predicted, highest=predicted, predicted=predicted, observed=observed, low=low, high=high
    )


def printed(*deciles, warnings=(), ads=None):
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
        ads=ads,
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


def test_the_days_of_the_click_model_and_its_alarm_are_printed():
    nothing = Interval(0.0, 0.0, 0.0, 0.95, 1)
    day = np.repeat([20_000, 20_001], 400)
    drift = watch_drift(np.full(800, 0.1), np.where(day == 20_001, np.arange(800) % 2, np.arange(800) % 10 == 0), day)
    ads = AdReport(
        simulated=True,
        n_train=1,
        n_test=800,
        slot_effects=(1.0,),
        predicted_over_observed=nothing,
        deciles=(),
        slots=(),
        log_loss=0.1,
        log_loss_constant=0.1,
        log_loss_item_rate=0.1,
        gain_over_constant=nothing,
        gain_over_item_rate=nothing,
        auc=0.5,
        drift=drift,
    )
    text = printed(decile(0.10, 0.05, 0.15), ads=ads)
    first, second = (line for line in text.splitlines() if "2024-10-0" in line and "ALARM" not in line)
    assert "1.000" in first
    assert "!" not in first
    assert "0.200" in second
    assert "!" in second
    assert "ALARM since 2024-10-05" in text
