"""What every neural ranker owes: it learns what it is for, exports exactly, and treats each row by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tests.ranking.drawn import random_inputs

from shortlist.core.errors import DataError
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.losses.tasks import TaskLogLoss
from shortlist.learning.table_plan import TableSizes
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.din_model import DIN
from shortlist.ranking.dlrm_model import DLRM, pair_dots
from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.factorization_machine_model import FactorizationMachine
from shortlist.ranking.final_mlp_model import FinalMLP
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import IdList, InputSizes, checked_ids
from shortlist.ranking.logistic_regression_model import LogisticRegression
from shortlist.ranking.masknet_model import MaskNet
from shortlist.ranking.mmoe_model import MMoE
from shortlist.ranking.ple_model import PLE
from shortlist.ranking.runtime import Runtime
from shortlist.ranking.shared_bottom_model import SharedBottom

ITEMS, GENRES, USERS = 30, 5, 12
SIZES = InputSizes(
    request_dense=2,
    request_ids=(USERS,),
    request_lists=(IdList(length=6, size=ITEMS, like=0),),
    candidate_dense=3,
    candidate_ids=(ITEMS, 4_000),
    candidate_lists=(IdList(length=3, size=GENRES),),
)
ONE_SIDED = InputSizes(candidate_dense=3, candidate_ids=(ITEMS, 7))
IDS_ONLY = InputSizes(request_ids=(USERS,), request_lists=SIZES.request_lists, candidate_ids=(ITEMS,))
LEAN = InputSizes(
    request_dense=2,
    request_ids=(USERS,),
    request_lists=SIZES.request_lists,
    candidate_dense=3,
    candidate_ids=(ITEMS,),
)


@dataclass(frozen=True)
class Kind:
    """A model, the width of its embeddings, and the sizes of inputs it takes."""

    make: type
    width: int = 4
    settings: tuple = ()
    sizes: tuple = (SIZES, ONE_SIDED, IDS_ONLY)
    pairs: bool = True  # can it learn a product of two inputs?
    tasks: int = 0  # names of its logits, where a row has several

    @property
    def task_names(self):
        return tuple(f"task {t}" for t in range(self.tasks))

    def __str__(self):
        return f"{self.make.__name__}{dict(self.settings) or ''}"


KINDS = [
    Kind(LogisticRegression, 1, pairs=False),
    Kind(FactorizationMachine, 5),
    Kind(DLRM),
    Kind(DCNv2, settings=(("rank", 3),)),
    Kind(DCNv2, settings=(("rank", None),)),
    Kind(MaskNet),
    Kind(FinalMLP),
    Kind(SharedBottom, tasks=2),
    Kind(SharedBottom, settings=(("bottom", ()),), tasks=2),
    Kind(MMoE, tasks=2),
    Kind(PLE, tasks=2),
    Kind(DIN, sizes=(SIZES, IDS_ONLY)),
]
ALL = [(kind, sizes) for kind in KINDS for sizes in kind.sizes]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
# All kinds read their inputs through one layer. It is exported whole with one of them; the others are exported with
# numbers and ids of both sides and a history.
EXPORTED = [(KINDS[3], SIZES), (KINDS[3], ONE_SIDED)] + [
    (kind, LEAN) for kind in KINDS if kind is not KINDS[3] and kind.settings != (("bottom", ()),)
]


def names(pairs):
    return [
        f"{kind}-{ {SIZES: 'both', ONE_SIDED: 'one-sided', IDS_ONLY: 'ids', LEAN: 'lean'}[sizes] }"
        for kind, sizes in pairs
    ]


each_kind_and_sizes = pytest.mark.parametrize(("kind", "sizes"), ALL, ids=names(ALL))


def scale(width):
    rng = np.random.default_rng(width)
    return np.stack([rng.normal(size=width), rng.uniform(0.5, 2, size=width)]).astype(np.float32)


def build(kind, sizes=SIZES, *, seed=0, **of_inputs):
    torch.manual_seed(seed)
    settings = {"table_sizes": TableSizes(full_at_most=50), "spread": 0.1} | of_inputs
    inputs = InputLayer(sizes, scale(sizes.request_dense), scale(sizes.candidate_dense), width=kind.width, **settings)
    return kind.make(inputs, **dict(kind.settings), bias=(-1.5,) * kind.tasks if kind.tasks else -1.5).eval()


def trained(kind, sizes=SIZES):
    """As after some training: no weight is 0, each is another one."""
    model = build(kind, sizes)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(weight.flatten()))) * 0.2)
    return model


def logits(model, inputs):
    with torch.no_grad():
        return model(*(torch.from_numpy(inputs[name]) for name in model.inputs.sizes.names)).numpy()


def chosen(sizes, inputs, rows):
    """Some rows, each with a request of its own."""
    part = {name: inputs[name][rows] for name in sizes.candidate_names}
    if sizes.request_names:
        part |= {name: inputs[name][inputs["request_index"][rows]] for name in sizes.request_names}
        part["request_index"] = np.arange(len(rows))
    return part


@each_kind_and_sizes
def test_a_request_is_worked_out_once_and_that_changes_nothing(kind, sizes):
    model, inputs = trained(kind, sizes), random_inputs(sizes, 4, 60)
    np.testing.assert_allclose(logits(model, inputs), logits(model, chosen(sizes, inputs, np.arange(60))), atol=1e-6)


@each_kind_and_sizes
@pytest.mark.parametrize("n", [0, 1, 40])
def test_rows_of_one_request_need_no_index(kind, sizes, n):
    """What is broadcast then, and multiplied in another order, is what is gathered else."""
    model, inputs = trained(kind, sizes), random_inputs(sizes, 1, n)
    with torch.no_grad():
        without = model(*(torch.from_numpy(inputs[name]) for name in sizes.names_of_one)).numpy()
    np.testing.assert_allclose(without, logits(model, inputs), atol=2e-6)


@each_kind_and_sizes
def test_a_row_alone_scores_as_in_a_batch(kind, sizes):
    model, inputs = trained(kind, sizes), random_inputs(sizes, 4, 20)
    alone = [logits(model, chosen(sizes, inputs, np.array([k])))[0] for k in range(20)]
    np.testing.assert_allclose(logits(model, inputs), alone, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize(("kind", "sizes"), EXPORTED, ids=names(EXPORTED))
def test_onnx_equals_torch(kind, sizes, tmp_path):
    model = trained(kind, sizes)
    export_onnx(model, sizes, tmp_path / "model.onnx", tasks=kind.task_names)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]  # one file, no sidecar
    runtime = Runtime(tmp_path / "model.onnx")
    assert runtime.sizes == sizes
    assert runtime.tasks == kind.task_names
    for n_requests, n in ((1, 0), (1, 1), (1, 300), (9, 50), (2, 1)):
        inputs = random_inputs(sizes, n_requests, n, seed=n)
        np.testing.assert_allclose(runtime.logits(inputs), logits(model, inputs), atol=1e-5)


@each_kind_and_sizes
def test_before_the_first_step_no_row_is_above_another(kind, sizes):
    """So a model that hardly learned anything has hardly any order of its own, instead of one that was drawn."""
    model, inputs = build(kind, sizes, spread=0.01), random_inputs(sizes, 4, 50)
    np.testing.assert_allclose(logits(model, inputs), -1.5, atol=0.2 if kind.width in {1, 5} else 1e-6)
    assert len(np.unique(logits(trained(kind, sizes), inputs))) > 25, "a negative control"


@each_kind_and_sizes
def test_the_gradient_reaches_every_parameter(kind, sizes):
    model = trained(kind, sizes).train()
    for part in model.modules():
        if hasattr(part, "p"):
            part.p = 0.0
        if hasattr(part, "forget"):
            part.forget = 0.0
    inputs = random_inputs(sizes, 40, 400)
    out = model(*(torch.from_numpy(inputs[name]) for name in sizes.names))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        dense = weight.grad.to_dense() if weight.grad.is_sparse else weight.grad
        assert torch.isfinite(dense).all(), name
        assert dense.numel() == 0 or (dense != 0).any(), name


@each_kind
def test_an_outlier_is_clipped_before_it_can_run_away(kind):
    model, inputs = trained(kind), random_inputs(SIZES, 1, 1)
    inputs["candidate_dense"][0, 0] = inputs["request_dense"][0, 1] = 1e6
    far = logits(model, inputs)
    inputs["candidate_dense"][0, 0] = inputs["request_dense"][0, 1] = 1e9
    np.testing.assert_array_equal(far, logits(model, inputs))


@each_kind
def test_padding_says_nothing(kind):
    """A list that is held at other places, with padding between, is the same list."""
    model, inputs = trained(kind), random_inputs(SIZES, 2, 10)
    before = logits(model, inputs)
    inputs["request_list_0"] = np.roll(inputs["request_list_0"], 2, axis=1)
    inputs["candidate_list_0"] = inputs["candidate_list_0"][:, ::-1].copy()
    np.testing.assert_allclose(logits(model, inputs), before, atol=1e-5)


def planted(n, seed, pairs, tasks=0):
    """Who likes what: a parity of user and item where products can be learned, else an effect of each.

    A second task is at odds with the first wherever the user is one of the first half.
    """
    rng = np.random.default_rng(seed)
    inputs = random_inputs(SIZES, n // 4, n, seed)
    user, item = inputs["request_ids"][inputs["request_index"], 0], inputs["candidate_ids"][:, 0]
    likes = (user % 2) ^ (item % 2) if pairs else (user % 2) & (item % 2)
    known = (user > 0) & (item > 0)
    if tasks:
        likes, known = np.stack([likes, likes ^ (user < USERS // 2)], axis=1), known[:, None].repeat(2, axis=1)
    label = np.where(known, likes, rng.random(likes.shape) < 0.5).astype(np.float32)
    return inputs, label, known


@each_kind
def test_learns_a_planted_world_and_an_unknown_id_is_none_of_the_known(kind):
    model = build(kind)
    inputs, label, _ = planted(3_000, 0, kind.pairs, kind.tasks)
    later, later_label, known = planted(1_000, 1, kind.pairs, kind.tasks)
    recipe = ClassifierRecipe(epochs=8, patience=2, batch=128, learning_rate=1e-2, embedding_rate=0.2, weight_decay=0.0)
    fit_classifier(
        model,
        InputRows(SIZES, inputs, label),
        validation=InputRows(SIZES, later, later_label),
        recipe=recipe,
        seed=0,
        **({"loss": TaskLogLoss((1.0,) * kind.tasks)} if kind.tasks else {}),
    )
    score = logits(model, later)
    right = ((score > 0) == (later_label > 0))[known].mean()
    assert right > 0.95, right
    # An item that was never met has the score of the unknown id, far from the certainty of the known ones.
    later["candidate_ids"][:, 0] = 0
    assert not kind.pairs or np.abs(logits(model, later)).mean() < 0.6 * np.abs(score[known]).mean()


@pytest.mark.parametrize(("name", "bad"), [("candidate_ids", -1), ("candidate_ids", ITEMS), ("request_index", 4)])
def test_ids_that_no_table_has_are_refused(name, bad):
    inputs = random_inputs(SIZES, 4, 20)
    checked_ids(SIZES, inputs)
    inputs[name].reshape(20, -1)[3, 0] = bad
    with pytest.raises(DataError, match=name):
        checked_ids(SIZES, inputs)


def test_why_they_are_refused_the_model_itself_would_score_minus_one_by_another_row():
    model, inputs = trained(KINDS[3]), random_inputs(SIZES, 1, 1)
    inputs["candidate_ids"][0, 0] = -1
    score = logits(model, inputs)
    assert np.isfinite(score).all()


def test_the_gradient_of_pair_dots_is_that_of_finite_differences():
    vectors = torch.randn(3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(pair_dots, (vectors,))


def test_attention_without_a_history_is_refused():
    with pytest.raises(DataError, match="history"):
        build(KINDS[-1], ONE_SIDED)
