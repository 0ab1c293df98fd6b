"""After a user was forgotten training and reports still run on the log, and say the same as before."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import CliRunner

from shortlist.cli.log import app
from shortlist.core.clock import HOUR_US
from shortlist.core.page import Page, PolicyRecord, ShownItem
from shortlist.events.database import open_database
from shortlist.events.event import Event
from shortlist.events.event_log import EventLog
from shortlist.events.export import scan_exported
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.read import read_clicks
from shortlist.events.tables import LOG
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.logged_conversions import logged_conversions
from shortlist.learning.losses.entire_space import delayed_entire_space_loss
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.shared_bottom_model import SharedBottom

SLOTS = 5
FORGOTTEN = 7_046_029_254_386_353_131  # its bytes can be looked for in the files
USERS = (FORGOTTEN, 11, 12, 13)
SIZES = InputSizes(candidate_dense=2)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pages, clicks on a third of what they showed, and a conversion of a third of those."""
    folder, rng = tmp_path_factory.mktemp("state"), np.random.default_rng(0)
    pages, events = [], []
    for number in range(60):
        items = [int(item) for item in rng.permutation(9)[:SLOTS]]
        pages.append(
            Page(
                request_id=f"p{number}",
                surface="feed",
                user=USERS[number % len(USERS)],
                known_user=True,
                query="",
                release="r1",
                served_us=number * HOUR_US // 20,
                policy=PolicyRecord(policy="softmax", temperature=0.1, draw_key=number),
                items=tuple(
                    ShownItem(slot=slot, item=item, sources=("popular",), selection_propensity=0.2, scores={})
                    for slot, item in enumerate(items, 1)
                ),
            )
        )
        for slot, item in enumerate(items, 1):
            events += [
                Event(
                    event_id=f"{kind} {number} {slot}",
                    kind=kind,
                    request_id=f"p{number}",
                    block="organic",
                    slot=slot,
                    item=item,
                    event_us=pages[-1].served_us + slot,
                )
                for kind in ("impression", "click", "conversion")[: rng.geometric(2 / 3)]
            ]
    engine = open_database(folder / "events.sqlite", LOG)
    writer = GroupCommit(engine)
    PageLog(writer).after(pages)
    EventLog(writer).record(events, received_us=4 * HOUR_US)
    writer.close()
    engine.dispose()
    return folder


def command(*words: str | Path, state: Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words), "--state", str(state)])
    assert done.exit_code == 0, done.output
    return done.output


def trained(folder: Path) -> np.ndarray:
    """Log odds and log rate of every row of the export, from a training on it."""
    rows, label = logged_conversions(scan_exported(folder, "events").collect(), now_us=9 * HOUR_US)
    features = np.stack([rows["slot"].to_numpy(), rows["item"].to_numpy()], axis=1).astype(np.float32)
    torch.manual_seed(0)
    scale = np.stack([features.mean(0), features.std(0)])
    model = SharedBottom(
        InputLayer(SIZES, np.empty((2, 0), np.float32), scale, width=1), bottom=(), towers=(4,), bias=(0.0, 0.0, 0.0)
    )
    inputs = InputRows(SIZES, {"candidate_dense": features}, label)
    recipe = ClassifierRecipe(epochs=1, patience=1, batch=64, learning_rate=1e-2, weight_decay=0.0)
    fit_classifier(model, inputs, validation=inputs, recipe=recipe, seed=0, loss=delayed_entire_space_loss)
    with torch.no_grad():
        return model(torch.from_numpy(features)).numpy()


def histories(state: Path) -> set[int]:
    engine = open_database(state / "events.sqlite", LOG)
    clicks, _ = read_clicks(engine)
    engine.dispose()
    return set(clicks["user"])


def test_training_and_reports_say_the_same_after_a_user_was_forgotten(state: Path, tmp_path: Path) -> None:
    assert histories(state) == set(USERS)
    report = command("attribute", tmp_path / "before.parquet", "--view-hours", "24", state=state)
    exported = command("export", tmp_path / "before", state=state)
    model = trained(tmp_path / "before")

    assert command("forget", str(FORGOTTEN), state=state) == f"user {FORGOTTEN} is forgotten\n"

    assert histories(state) == set(USERS) - {FORGOTTEN}, "the control: something was destroyed"
    assert command("attribute", tmp_path / "after.parquet", "--view-hours", "24", state=state) == report
    credited, before = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("after", "before"))
    assert credited.equals(before)
    assert credited["credited"].null_count() == 0
    assert credited["user"].n_unique() == len(USERS), "still told apart, as nobody in particular"
    assert command("export", tmp_path / "after", state=state) == exported
    np.testing.assert_array_equal(trained(tmp_path / "after"), model)

    for table in ("pages", "slots", "events"):
        assert FORGOTTEN not in scan_exported(tmp_path / "after", table).collect()["user"].to_list()
    for order in ("big", "little"):
        assert not any(FORGOTTEN.to_bytes(8, order) in file.read_bytes() for file in state.iterdir())
