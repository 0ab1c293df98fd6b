"""DCN-v2 in torch, and its export to ONNX; imported where a ranker is trained, never where it serves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from shortlist.core.arrays import Float32
from shortlist.features.spec import FeatureSpec
from shortlist.learning.draws import Dropout

__all__ = ["CrossLayer", "DCNv2", "export_onnx"]


class CrossLayer(nn.Module):
    """One explicit crossing of all inputs with all others (Wang et al., "DCN V2", WWW 2021, eq. 1 and 2).

        full rank:  x' = x0 ⊙ (W x + b) + x            low rank:  x' = x0 ⊙ (U (V x) + b) + x

    Args:
        width: of x.
        rank: of U V; None for full rank.
    """

    def __init__(self, width: int, rank: int | None = None) -> None:
        super().__init__()
        self.mix: nn.Module = (
            nn.Linear(width, width)
            if rank is None
            else nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width))
        )

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        """``x0`` and ``x`` are ``(N, width)``."""
        crossed: Tensor = x0 * self.mix(x) + x
        return crossed


class DCNv2(nn.Module):
    """Deep & Cross Network V2, parallel structure, over the inputs of a ``FeatureSpec``.

        logit = w · [cross_L(x0), mlp(x0)] + b,    x0 = [request, candidate, item embedding, mean of categories']

    Dense inputs are standardised and clipped to ±5 inside of the model, so that what serves it cannot forget to. The
    request's part of x0 is standardised once a request and gathered for its rows.

    Args:
        spec: the inputs.
        request_scale: float32 ``(2, r)``, mean and standard deviation of the request's dense features.
        candidate_scale: float32 ``(2, c)``, of the candidate's.
        item_width: of an item's embedding.
        category_width: of a category's embedding.
        cross_layers: L.
        rank: of the cross layers; None for full rank.
        hidden: units of the deep part's layers.
        dropout: in the deep part.
        bias: the first value of b, such as the log odds of the rows' share of positives.

    The first value of w is 0: before the first step every logit is ``bias``, and what little data can teach is learned
    beside it. With random weights there the order of a model of few rows is mostly that of its draw.
    """

    request_scale: Tensor
    candidate_scale: Tensor

    def __init__(
        self,
        spec: FeatureSpec,
        request_scale: Float32,
        candidate_scale: Float32,
        *,
        item_width: int = 4,
        category_width: int = 8,
        cross_layers: int = 2,
        rank: int | None = 16,
        hidden: Sequence[int] = (64, 32),
        dropout: float = 0.3,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("request_scale", torch.from_numpy(request_scale))
        self.register_buffer("candidate_scale", torch.from_numpy(candidate_scale))
        self.item = nn.Embedding(spec.categorical[0].size, item_width, padding_idx=0)
        self.category = nn.Embedding(spec.multi_valued[0].size, category_width, padding_idx=0)
        nn.init.normal_(self.item.weight, std=0.01)
        nn.init.normal_(self.category.weight, std=0.1)
        with torch.no_grad():
            self.item.weight[0] = 0.0
            self.category.weight[0] = 0.0
        width = len(spec.request) + len(spec.candidate) + item_width + category_width
        self.cross = nn.ModuleList(CrossLayer(width, rank) for _ in range(cross_layers))
        layers: list[nn.Module] = []
        before = width
        for units in hidden:
            layers += [nn.Linear(before, units), nn.ReLU(), Dropout(dropout)]
            before = units
        self.deep = nn.Sequential(*layers)
        self.output = nn.Linear(width + before, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.constant_(self.output.bias, bias)

    def forward(self, request: Tensor, index: Tensor, candidate: Tensor, row: Tensor, categories: Tensor) -> Tensor:
        """Logits ``(N,)`` of the rows; the arguments are the fields of ``FeatureRows``."""
        of_request = _standardised(request, self.request_scale)[index]
        held = (categories > 0).unsqueeze(-1).to(candidate.dtype)
        mean = (self.category(categories) * held).sum(dim=1) / held.sum(dim=1).clamp(min=1.0)
        x0 = torch.cat([of_request, _standardised(candidate, self.candidate_scale), self.item(row), mean], dim=1)
        x = x0
        for layer in self.cross:
            x = layer(x0, x)
        logit: Tensor = self.output(torch.cat([x, self.deep(x0)], dim=1)).squeeze(1)
        return logit


def export_onnx(model: DCNv2, spec: FeatureSpec, path: Path) -> None:
    """Write the model as one ONNX file: inputs by ``FeatureRows``' names, output ``logit``, any number of rows."""
    model.eval()
    r, n = 2, 3
    example = (
        torch.zeros(r, len(spec.request)),
        torch.tensor([0, 0, 1]),
        torch.zeros(n, len(spec.candidate)),
        torch.zeros(n, dtype=torch.int64),
        torch.zeros(n, spec.multi_valued[0].length, dtype=torch.int64),
    )
    requests, rows = torch.export.Dim("requests", min=1), torch.export.Dim("rows", min=1)
    exporter = logging.getLogger("torch.onnx._internal.exporter")
    level = exporter.level
    exporter.setLevel(logging.ERROR)  # it warns of torchvision, which nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, which are not ours to mend
        program = torch.onnx.export(
            model,
            example,
            dynamo=True,
            verbose=False,
            input_names=["request", "index", "candidate", "row", "categories"],
            output_names=["logit"],
            dynamic_shapes=({0: requests}, {0: rows}, {0: rows}, {0: rows}, {0: rows}),
        )
        if program is None:
            raise AssertionError("the dynamo exporter returns a program")
        program.save(path, external_data=False)
    exporter.setLevel(level)


def _standardised(x: Tensor, scale: Tensor) -> Tensor:
    return ((x - scale[0]) / scale[1]).clamp(-5.0, 5.0)
