"""The inner loop of row-wise Adagrad, compiled: gradients of a row are added up, then the row moves once."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Int32, Int64

__all__ = ["RowwiseScratch", "rowwise_adagrad"]


class RowwiseScratch:
    """Working memory of one table, kept from step to step.

    Args:
        rows: of the table.
    """

    def __init__(self, rows: int) -> None:
        self.place: Int32 = np.full(rows, -1, dtype=np.int32)
        self.met: Int64 = np.empty(0, dtype=np.int64)
        self.total: Float32 = np.empty((0, 0), dtype=np.float32)

    def room_for(self, n: int, width: int) -> None:
        """Make room for n gradients."""
        if len(self.met) < n or self.total.shape[1] != width:
            self.met = np.empty(n, dtype=np.int64)
            self.total = np.empty((n, width), dtype=np.float32)


def rowwise_adagrad(
    weight: Float32,
    accumulated: Float32,
    row: Int64,
    gradient: Float32,
    scratch: RowwiseScratch,
    *,
    lr: float,
    eps: float,
) -> None:
    """One step in place, of the rows that are met only.

        g_r = sum of the gradients of r,    G_r ← G_r + mean(g_r²),    w_r ← w_r - lr · g_r / (sqrt(G_r) + ε)

    Nothing is sorted: a row's first gradient takes the next place of a small table of sums, the others find it there.

    Args:
        weight: ``(R, d)``.
        accumulated: ``(R,)``, G.
        row: ``(n,)``, with repetitions, in any order.
        gradient: ``(n, d)``.
        scratch: of this table.
        lr: the learning rate.
        eps: ε.
    """
    scratch.room_for(len(row), gradient.shape[1])
    _step(
        weight,
        accumulated,
        row,
        gradient,
        scratch.place,
        scratch.met,
        scratch.total,
        np.float32(lr),
        np.float32(eps),
    )


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def _step(
    weight: Float32,
    accumulated: Float32,
    row: Int64,
    gradient: Float32,
    place: Int32,
    met: Int64,
    total: Float32,
    lr: np.float32,
    eps: np.float32,
) -> None:
    width = gradient.shape[1]
    n_met = 0
    for k in range(len(row)):
        r = row[k]
        at = place[r]
        if at < 0:
            place[r] = n_met
            met[n_met] = r
            for j in range(width):
                total[n_met, j] = gradient[k, j]
            n_met += 1
        else:
            for j in range(width):
                total[at, j] += gradient[k, j]
    for at in range(n_met):
        r = met[at]
        place[r] = -1
        square = np.float32(0.0)
        for j in range(width):
            square += total[at, j] * total[at, j]
        accumulated[r] += square / np.float32(width)
        rate = lr / (np.sqrt(accumulated[r]) + eps)
        for j in range(width):
            weight[r, j] -= rate * total[at, j]
