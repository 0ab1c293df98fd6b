"""DCN-v2 and its scorer: the formula, ONNX against torch, hoisting, and files that do not belong together."""

import msgspec
import numpy as np
import pytest
import torch

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import P_LIKE, P_LIKE_RAW, RANK_SCORE
from shortlist.core.errors import ReleaseError
from shortlist.core.request import Request, RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.features.statistics import ItemStatistics
from shortlist.features.transitions import Transitions
from shortlist.learning.calibration.downsampling import undo_downsampling
from shortlist.learning.calibration.isotonic import IsotonicCalibrator
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.ranking.dcn_v2_model import CrossLayer, DCNv2
from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.feed_inputs import feed_inputs
from shortlist.ranking.feed_ranker import FeedRanker, RankerFacts
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.runtime import Runtime
from shortlist.ranking.spec_sizes import spec_sizes
from shortlist.testing import tiny_interactions, tiny_items

CATALOGUE = Catalogue(tiny_items())
RATE = 0.25


def features():
    log = tiny_interactions()
    vectors = np.eye(5, 3, dtype=np.float32)
    return FeedFeatures(
        CATALOGUE,
        ItemStatistics.fit(log, CATALOGUE),
        Transitions.fit(log, CATALOGUE),
        vectors,
        sources=("a", "b"),
        limit=3,
    )


def scale(width):
    rng = np.random.default_rng(width)
    return np.stack([rng.normal(size=width), rng.uniform(0.5, 2, size=width)]).astype(np.float32)


def untrained(spec, **sizes):
    torch.manual_seed(0)
    inputs = InputLayer(spec_sizes(spec), scale(len(spec.request)), scale(len(spec.candidate)), width=4)
    return DCNv2(inputs, **sizes).eval()


def model(spec, **sizes):
    """As after some training: the last layer is random, not 0."""
    net = untrained(spec, **sizes)
    net.output.reset_parameters()
    return net


def random_rows(spec, n_requests, n, seed=0):
    rng = np.random.default_rng(seed)
    return FeatureRows(
        request=rng.normal(size=(n_requests, len(spec.request))).astype(np.float32),
        index=np.sort(rng.integers(0, n_requests, n)),
        candidate=rng.normal(size=(n, len(spec.candidate))).astype(np.float32),
        row=rng.integers(0, spec.categorical[0].size, n),
        categories=rng.integers(0, spec.multi_valued[0].size, (n, spec.multi_valued[0].length)),
    )


def logits(net, rows):
    with torch.no_grad():
        given = feed_inputs(rows)
        return net(*(torch.from_numpy(given[name]) for name in net.inputs.sizes.names)).numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ranker")
    f = features()
    f.save(path)
    export_onnx(model(f.spec), spec_sizes(f.spec), path / "model.onnx")
    PlattCalibrator(slope=0.9, intercept=-0.2).save(path / "calibration.json")
    facts = RankerFacts(features_hash=f.spec.hash, sources=f.sources, limit=f.limit, negative_rate=RATE)
    (path / "ranker.json").write_bytes(msgspec.json.encode(facts))
    return path


def requests(n):
    batch = RequestBatch.of(*(Request(str(i), k=3, at_us=100, user=i) for i in range(n)))
    liked = Ragged.from_lists([[10]] * n)
    return batch.with_history(liked, Ragged.from_lists([[10, 11]] * n))


def found(n):
    offsets = np.arange(n + 1) * 2
    a = Candidates.found("a", offsets, np.array([12, 13] * n), np.tile([0.9, 0.1], n))
    b = Candidates.found("b", np.arange(n + 1), np.array([13] * n), np.full(n, 7.0))
    return merge([a, b])


def test_before_the_first_step_no_row_is_above_another():
    """So a model that hardly learned anything has hardly any order of its own, instead of one that was drawn."""
    spec = features().spec
    rows = random_rows(spec, 4, 50)
    assert (logits(untrained(spec, bias=-2.5), rows) == np.float32(-2.5)).all()
    assert len(np.unique(logits(model(spec), rows))) == 50, "a negative control"


def test_a_cross_layer_is_the_papers_formula():
    torch.manual_seed(1)
    layer = CrossLayer(4)
    x0, x = torch.randn(3, 4), torch.randn(3, 4)
    expected = x0 * (x @ layer.wide.weight.T + layer.wide.bias) + x
    torch.testing.assert_close(layer(x0, x), expected)


def test_the_low_rank_layer_is_a_full_one_with_a_product_for_its_matrix():
    torch.manual_seed(1)
    low, full = CrossLayer(5, rank=2), CrossLayer(5)
    with torch.no_grad():
        full.wide.weight.copy_(low.wide.weight @ low.narrow.weight)
        full.wide.bias.copy_(low.wide.bias)
    x0, x = torch.randn(7, 5), torch.randn(7, 5)
    torch.testing.assert_close(low(x0, x), full(x0, x))


@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("layers", [1, 2, 4])
def test_the_model_is_the_papers_formula_written_out(rank, layers):
    """All of the sides' products that are worked out apart, beside layers that know nothing of it."""
    spec = features().spec
    net, rows = model(spec, rank=rank, cross_layers=layers), random_rows(spec, 4, 30)
    given = feed_inputs(rows)
    with torch.no_grad():
        inputs = net.inputs(*(torch.from_numpy(given[name]) for name in net.inputs.sizes.names))
        sides = inputs.sides
        x0 = x = torch.cat([sides.request[sides.index], sides.candidate], dim=1)
        for layer in (*([net.first] if net.first else []), *net.cross, net.last):
            x = layer(x0, x)
        deep = torch.relu(net.deep.others[0](torch.relu(net.deep.first(x0))))
        expected = net.output(torch.cat([x, deep], dim=1)).squeeze(1).numpy()
    np.testing.assert_allclose(logits(net, rows), expected, atol=1e-5)


def test_scores_are_the_models_with_the_thinning_undone_and_calibrated(folder):
    ranker = FeedRanker.load(folder, CATALOGUE)
    batch, candidates = requests(2), found(2)
    scored = ranker.score(batch, candidates)
    rows = features().compute(batch, candidates)
    raw = undo_downsampling(1 / (1 + np.exp(-logits(model(features().spec), rows).astype(float))), RATE)
    np.testing.assert_allclose(scored[P_LIKE_RAW], raw, atol=1e-6)
    expected = PlattCalibrator(slope=0.9, intercept=-0.2).calibrate(scored[P_LIKE_RAW])
    np.testing.assert_allclose(scored[P_LIKE], expected)
    assert (np.argsort(scored[RANK_SCORE]) == np.argsort(scored[P_LIKE_RAW])).all()


def test_a_request_alone_scores_as_in_a_batch(folder):
    ranker = FeedRanker.load(folder, CATALOGUE)
    alone, together = ranker.score(requests(1), found(1)), ranker.score(requests(5), found(5))
    np.testing.assert_allclose(together[P_LIKE][:2], alone[P_LIKE], atol=1e-7)


def test_flat_steps_of_the_calibrator_keep_the_models_order(folder):
    ranker = FeedRanker.load(folder, CATALOGUE)
    flat = FeedRanker(
        ranker.features, Runtime(folder / "model.onnx"), IsotonicCalibrator((0.0, 1.0), (0.3, 0.3)), ranker.facts
    )
    columns = flat.columns(np.array([0.2, 0.4, 0.3]))
    assert len(set(columns[P_LIKE])) == 1
    assert np.argsort(columns[RANK_SCORE]).tolist() == [0, 2, 1]


def test_what_moves_a_score_adds_up_to_the_difference_of_the_log_odds(folder):
    """Of item 13, which two sources found, beside 12; what is the same for both adds nothing."""
    ranker = FeedRanker.load(folder, CATALOGUE)
    batch, candidates = requests(1), found(1)
    order = [int(np.flatnonzero(candidates.item == item)[0]) for item in (13, 12)]
    pair = candidates.arrange(np.array(order), np.array([0, 2]))
    p = ranker.score(batch, pair)[P_LIKE_RAW]
    parts = {part.feature: part for part in ranker.contributions(batch, pair)}
    log_odds = np.log(p) - np.log1p(-p)
    assert sum(part.log_odds for part in parts.values()) == pytest.approx(log_odds[0] - log_odds[1], abs=1e-6)
    rows = ranker.features.compute(batch, pair)
    same = {
        feature.name
        for feature, column in zip(ranker.features.spec.candidate, rows.candidate.T, strict=True)
        if column[0] == column[1]
    }
    assert {name for name, part in parts.items() if part.log_odds != 0.0} <= parts.keys() - same
    assert (parts["found by b"].value, parts["found by b"].beside) == ("no. 1", "not found")
    assert (parts["item"].value, parts["item"].beside) == ("Desk Lamp", "Red Lamp")
    assert parts["categories"].value == "light, office"
    assert not parts.keys() & {feature.name for feature in ranker.features.spec.request}
    back = {
        part.feature: part for part in ranker.contributions(batch, pair.arrange(np.array([1, 0]), np.array([0, 2])))
    }
    assert parts["item"].log_odds == pytest.approx(-back["item"].log_odds, abs=5 * parts["item"].error + 1e-6)


def test_no_candidates(folder):
    ranker = FeedRanker.load(folder, CATALOGUE)
    none = merge([Candidates.none(1, ("a",)), Candidates.none(1, ("b",))])
    assert all(len(values) == 0 for values in ranker.score(requests(1), none).values())


@pytest.mark.parametrize(
    "name", ["model.onnx", "ranker.json", "calibration.json", "statistics.safetensors", "item_vectors.safetensors"]
)
@pytest.mark.parametrize("content", [None, b"torn"])
def test_a_missing_or_torn_file_is_named(folder, name, content, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ReleaseError, match=name):
        FeedRanker.load(tmp_path, CATALOGUE)


def test_a_ranker_of_other_features_is_refused(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    facts = msgspec.json.decode((folder / "ranker.json").read_bytes(), type=RankerFacts)
    (tmp_path / "ranker.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(facts, limit=99)))
    with pytest.raises(ReleaseError, match="other features"):
        FeedRanker.load(tmp_path, CATALOGUE)
