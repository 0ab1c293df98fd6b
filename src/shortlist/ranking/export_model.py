"""Export of a trained ranker to one ONNX file; imports torch, so nothing that serves may import it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from onnx import ModelProto, helper, numpy_helper
from torch import Tensor, nn

from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.request_branches import OF_MANY, OF_ONE, branched, replace_nodes
from shortlist.ranking.runtime import SIZES_KEY, TASKS_KEY

__all__ = ["export_onnx"]

_NEAR = 2 << 20
"""Bytes of a table that still lies in a core's own cache, more or less."""


def export_onnx(model: nn.Module, sizes: InputSizes, path: Path, *, tasks: Sequence[str] = ()) -> None:
    """Write the model: inputs by ``sizes.names``, output ``logit``, any number of requests and rows.

    The file says what its inputs are, for ``Runtime``. The request's side is worked out on its R rows inside of the
    graph, and gathered for the N candidates; one request is a branch of its own, where nothing is gathered.

    Args:
        model: takes the inputs in the order of their names; put into evaluation mode.
        sizes: of the inputs.
        path: of the file; it holds the weights as well.
        tasks: names of the logits where the model gives several, ``(N, T)``.
    """
    model.eval()
    requests, rows = torch.export.Dim("requests", min=1), torch.export.Dim("rows", min=1)
    dynamic = tuple({0: requests if name in sizes.request_names else rows} for name in sizes.names)
    exporter = logging.getLogger("torch.onnx._internal.exporter")
    level = exporter.level
    exporter.setLevel(logging.ERROR)  # it warns of torchvision, which nothing here needs
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's own deprecations, which are not ours to mend
            program = torch.onnx.export(
                _ManyAndOne(model, sizes) if sizes.request_names else model,
                tuple(_example(sizes, name) for name in sizes.names),
                dynamo=True,
                verbose=False,
                input_names=list(sizes.names),
                output_names=[OF_MANY, OF_ONE] if sizes.request_names else ["logit"],
                dynamic_shapes={"arguments": dynamic},
            )
    finally:
        exporter.setLevel(level)
    if program is None:
        raise AssertionError("the dynamo exporter returns a program")
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in the source, on this machine, each came from
    _look_far_rows_up_together(graph)
    if sizes.request_names:
        graph = branched(graph, sizes.request_names[0])
    held = {SIZES_KEY: msgspec.json.encode(sizes).decode()}
    if tasks:
        held[TASKS_KEY] = msgspec.json.encode(tuple(tasks)).decode()
    helper.set_model_props(graph, held)
    path.write_bytes(graph.SerializeToString())


def _look_far_rows_up_together(model: ModelProto) -> None:
    """Read large tables by ``GatherND``, which works out all places first and then copies row by row.

    In onnxruntime that is quicker than ``Gather`` where rows come from memory, perhaps because more waits overlap, and
    slower where a table lies in the cache.
    """
    graph, axis = model.graph, "last_axis"
    far, nodes = {weight.name for weight in graph.initializer if weight.ByteSize() > _NEAR}, []
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in far and not any(one.i for one in node.attribute):
            ids, place = node.input[1], f"{node.output[0]}_place"
            nodes.append(helper.make_node("Unsqueeze", [ids, axis], [place]))
            nodes.append(helper.make_node("GatherND", [node.input[0], place], node.output, name=node.name))
        else:
            nodes.append(node)
    if len(nodes) > len(graph.node):
        replace_nodes(graph, nodes)
        graph.initializer.append(numpy_helper.from_array(np.array([-1]), axis))


class _ManyAndOne(nn.Module):
    """The logits as of any number of requests, and as of the first one alone."""

    def __init__(self, model: nn.Module, sizes: InputSizes) -> None:
        super().__init__()
        self.model, self.sizes = model, sizes

    def forward(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        given = dict(zip(self.sizes.names, arguments, strict=True))
        first = (given[n][:1] if n in self.sizes.request_names else given[n] for n in self.sizes.names_of_one)
        return self.model(*arguments), self.model(*first)


def _example(sizes: InputSizes, name: str) -> Tensor:
    """Some input of this name: of two requests and three rows."""
    n = 2 if name in sizes.request_names else 3
    side, _, what = name.partition("_")
    if name == "request_index":
        return torch.tensor([0, 0, 1])
    if what == "dense":
        return torch.zeros(n, sizes.request_dense if side == "request" else sizes.candidate_dense)
    if what == "ids":
        return torch.zeros(n, len(sizes.request_ids if side == "request" else sizes.candidate_ids), dtype=torch.int64)
    lists = sizes.request_lists if side == "request" else sizes.candidate_lists
    return torch.zeros(n, lists[int(what.removeprefix("list_"))].length, dtype=torch.int64)
