"""Inputs of a ranker that are drawn, for tests that look at rows and not at what they mean."""

import numpy as np
import torch

from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_sizes import IdList, InputSizes

SIZES = InputSizes(
    request_dense=4, candidate_dense=20, candidate_ids=(50,), candidate_lists=(IdList(length=3, size=5),)
)


def random_inputs(sizes, n_requests, n, seed=0):
    """Inputs by name; ids from 0, and one entry of a list in five is none."""
    rng = np.random.default_rng(seed)
    inputs = {}
    for name in sizes.names:
        m = n_requests if name in sizes.request_names else n
        side = "request" if name in sizes.request_names else "candidate"
        if name == "request_index":
            inputs[name] = np.sort(rng.integers(0, n_requests, n))
        elif name.endswith("dense"):
            inputs[name] = rng.normal(size=(m, getattr(sizes, name))).astype(np.float32)
        elif name.endswith("ids"):
            inputs[name] = rng.integers(0, getattr(sizes, name), (m, len(getattr(sizes, name))))
        else:
            one = getattr(sizes, f"{side}_lists")[int(name.rsplit("_", 1)[1])]
            inputs[name] = rng.integers(0, one.size, (m, one.length)) * (rng.random((m, one.length)) < 0.8)
    return inputs


def small_dcn(sizes, width, spread=0.0):
    """DCN-v2 on numbers as they are; each weight is moved by about ``spread``."""
    torch.manual_seed(0)
    unit = (
        np.stack([np.zeros(n), np.ones(n)]).astype(np.float32) for n in (sizes.request_dense, sizes.candidate_dense)
    )
    net = DCNv2(InputLayer(sizes, *unit, width=width))
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(spread * torch.randn(weight.shape))
    return net
