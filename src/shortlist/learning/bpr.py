"""Training of factors by Bayesian personalized ranking; imports torch, so nothing that serves may import it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import nn

from shortlist.core.arrays import Float32, Int64
from shortlist.learning.losses.sampled import bpr_loss
from shortlist.learning.one_thread import one_thread

__all__ = ["BprFactors", "BprRecipe", "train_bpr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BprRecipe:
    """How the factors are trained; chosen by NDCG@100 on the last fifth of the users' training positives (MovieLens).

    Attributes:
        width: d.
        epochs: passes over the positives.
        batch: triples a step.
        learning_rate: of Adam.
        regularization: λ, of the factors of each triple.
    """

    width: int = 64
    epochs: int = 30
    batch: int = 1_024
    learning_rate: float = 5e-3
    regularization: float = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class BprFactors:
    """Fitted factors.

    Attributes:
        user: float32 ``(U, d)``, x.
        item: float32 ``(V + 1, d)``, y; zeros where nobody liked the item.
        bias: float32 ``(V + 1,)``, b; zeros likewise.
    """

    user: Float32
    item: Float32
    bias: Float32


@one_thread()
def train_bpr(liked: csr_array, *, recipe: BprRecipe | None = None, seed: int = 0) -> BprFactors:
    """Learn to score what a user liked above what they did not (Rendle et al., UAI 2009).

        minimise  mean over positives (u, i) of -ln σ(s_ui - s_uj) + λ (|x_u|² + |y_i|² + |y_j|²),  s_ui = x_u·y_i + b_i

    with one j for each positive, drawn anew in each pass and uniformly from the items that anybody liked. A draw that
    the user liked as well is rare and stays.

    Args:
        liked: ``(U, V + 1)``, 1 where a user liked an item.
        recipe: sizes and rates.
        seed: of the starting point, batch order and negatives.
    """
    recipe = recipe or BprRecipe()
    pairs = liked.tocoo()
    user, item = (torch.from_numpy(axis.astype(np.int64)) for axis in pairs.coords)
    known: Int64 = np.flatnonzero(np.asarray(liked.sum(axis=0)))
    drawable = torch.from_numpy(known)
    n_users, n_rows = liked.shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        x = nn.Parameter(0.1 * torch.randn(n_users, recipe.width))
        y = nn.Parameter(0.1 * torch.randn(n_rows, recipe.width))
        b = nn.Parameter(torch.zeros(n_rows))
        optimizer = torch.optim.Adam([x, y, b], lr=recipe.learning_rate)
        for _ in range(recipe.epochs):
            for chosen in torch.split(torch.randperm(len(user)), recipe.batch):
                i, j = item[chosen], drawable[torch.randint(0, len(drawable), (len(chosen),))]
                u, better, worse = x[user[chosen]], y[i], y[j]
                positive, negative = (u * better).sum(dim=1) + b[i], (u * worse).sum(dim=1) + b[j]
                size = (u.square() + better.square() + worse.square()).sum(dim=1)
                loss = bpr_loss(positive, negative.unsqueeze(1)) + recipe.regularization * size.mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    held = np.zeros((n_rows, 1), dtype=np.float32)
    held[known] = 1.0
    user_factor, item_factor, bias = (part.detach().numpy() for part in (x, y, b))
    return BprFactors(user_factor.copy(), item_factor * held, bias * held[:, 0])
