"""Open Bandit's files: read from a wheel, and refused where they are not what they should be."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.datasets.open_bandit import load_open_bandit, read_open_bandit

HEAD = ",timestamp,item_id,position,click,propensity_score,user_feature_0\n"
ROWS = "0,2019-11-24,1,3,0,0.5,x\n1,2019-11-25,0,1,1,0.25,y\n"
PRIOR = "men:\n  alpha:\n    - 9.0\n  beta:\n    - 9.0\nall:\n  alpha:\n    - 47.0\n    - 8.0\n  beta:\n    - 1.0\n    - 2.5\n"


def wheel(path, *, log=HEAD + ROWS, prior=PRIOR):
    with zipfile.ZipFile(path, "w") as file:
        for policy in ("random", "bts"):
            file.writestr(f"obp/dataset/obd/{policy}/all/all.csv", log)
        file.writestr("obp/policy/conf/prior_bts.yaml", prior)
    return path


def test_it_reads_both_logs_and_the_prior(tmp_path, monkeypatch):
    (tmp_path / "open-bandit").mkdir()
    wheel(tmp_path / "open-bandit" / "obp-0.4.1-py3-none-any.whl")
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path))
    data = load_open_bandit()
    np.testing.assert_array_equal(data.alpha, [47.0, 8.0])
    np.testing.assert_array_equal(data.beta, [1.0, 2.5])
    for log in (data.random, data.bts):
        assert (log.item.tolist(), log.place.tolist()) == ([1, 0], [2, 0])
        assert (log.click.tolist(), log.propensity.tolist()) == ([0.0, 1.0], [0.5, 0.25])


@pytest.mark.parametrize(
    "changes",
    [
        {"log": HEAD},
        {"log": HEAD + "0,2019,7,1,0,0.5,x\n"},
        {"log": HEAD + "0,2019,1,4,0,0.5,x\n"},
        {"log": HEAD + "0,2019,1,1,2,0.5,x\n"},
        {"log": HEAD + "0,2019,1,1,0,0.0,x\n"},
        {"log": HEAD + "0,2019,1,1,,0.5,x\n"},
        {"log": "a,b\n1,2\n"},
        {"prior": "men:\n  alpha:\n    - 9.0\n"},
    ],
)
def test_other_files_are_refused(tmp_path, changes):
    with pytest.raises(DataError):
        read_open_bandit(wheel(tmp_path / "w.whl", **changes))


def test_what_is_no_wheel_is_refused(tmp_path):
    (tmp_path / "w.whl").write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read"):
        read_open_bandit(tmp_path / "w.whl")
