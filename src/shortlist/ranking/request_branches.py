"""Two graphs of one ranker in one ONNX file, for many requests and for one; needs the package onnx."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, checker, helper, numpy_helper

__all__ = ["OF_MANY", "OF_ONE", "branched", "replace_nodes", "unbranched"]

OF_MANY, OF_ONE = "logit_of_many", "logit_of_one"
"""Names of the two outputs before they are branches."""

_HOW_MANY, _IS_ONE = ("requests", "one"), "is_one_request"


def branched(model: ModelProto, request: str) -> ModelProto:
    """A model with one output that looks at how many requests there are, and works out one of two outputs.

    What both need comes before the choice; weights are held once.

    Args:
        model: with the outputs ``OF_MANY`` and ``OF_ONE``; the second is right where there is one request.
        request: an input whose first axis goes over requests.
    """
    branched = ModelProto()
    branched.CopyFrom(model)
    graph = branched.graph
    needed = [_needed(graph, output.name) for output in graph.output]
    both = needed[0] & needed[1]
    common = [node for node in graph.node if node.output[0] in both]
    many, one = (
        helper.make_graph([node for node in graph.node if node.output[0] in mine - both], output.name, [], [output])
        for output, mine in zip(graph.output, needed, strict=True)
    )
    choice = [
        helper.make_node("Shape", [request], [_HOW_MANY[0]], start=0, end=1),
        helper.make_node("Equal", _HOW_MANY, [_IS_ONE]),
        helper.make_node("If", [_IS_ONE], ["logit"], name=_IS_ONE, then_branch=one, else_branch=many),
    ]
    replace_nodes(graph, [*common, *choice])
    graph.initializer.append(numpy_helper.from_array(np.array([1]), _HOW_MANY[1]))
    del graph.output[1:], graph.value_info[:]
    graph.output[0].name = "logit"
    checker.check_model(branched)
    return branched


def unbranched(model: ModelProto) -> ModelProto:
    """The model with two outputs that ``branched`` began with, for what does not look into branches."""
    flat = ModelProto()
    flat.CopyFrom(model)
    graph = flat.graph
    choice = next(node for node in graph.node if node.name == _IS_ONE)
    graphs = {attribute.name: attribute.g for attribute in choice.attribute}
    many, one = graphs["else_branch"], graphs["then_branch"]
    own = [node for node in graph.node if node.output[0] not in {_HOW_MANY[0], _IS_ONE, "logit"}]
    replace_nodes(graph, [*own, *many.node, *one.node])
    kept = [weight for weight in graph.initializer if weight.name != _HOW_MANY[1]]
    del graph.initializer[:], graph.output[:]
    graph.initializer.extend(kept)
    graph.output.extend([*many.output, *one.output])
    return flat


def replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    """Make these the nodes of a graph, in their order; some may be its own."""
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]  # they may lie in what is deleted
    del graph.node[:]
    graph.node.extend(kept)


def _needed(graph: GraphProto, output: str) -> set[str]:
    """Names of all values that an output is made of, and its own."""
    needed = {output}
    for node in reversed(graph.node):  # in ONNX what makes a value stands before what reads it
        if needed & {*node.output}:
            needed.update(node.output, node.input)
    return needed
