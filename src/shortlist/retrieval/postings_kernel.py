"""The postings of a query's words added up, compiled: every search page asks for it, and so does its relevance."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Int64

__all__ = ["summed_postings"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def summed_postings(
    row: Int64, starts: Int64, offsets: Int64, column: Int64, value: Float32, n_columns: int
) -> tuple[Int64, Int64, Float32]:
    """Sums of rows of a sparse matrix, for each list of rows; a row that stands twice in a list counts twice.

    The rows of a list are added in ascending order, so that a sum does not depend on the order of a query's words.

    Args:
        row: int64, list after list.
        starts: int64 ``(R + 1,)``, where each list begins.
        offsets: of the matrix in compressed rows.
        column: of its values.
        value: float32, its values.
        n_columns: of the matrix.

    Returns:
        The sums as a matrix in compressed rows: offsets int64 ``(R + 1,)``, columns, rising in each row, and values.
    """
    total, met = np.zeros(n_columns, np.float32), np.zeros(n_columns, np.int64)
    room = 0
    for j in row:
        room += offsets[j + 1] - offsets[j]
    found, score = np.empty(room, np.int64), np.empty(room, np.float32)
    ends, n = np.zeros(len(starts), np.int64), 0
    for r in range(len(starts) - 1):
        asked, first = np.sort(row[starts[r] : starts[r + 1]]), n
        place = 0
        while place < len(asked):
            j, times = asked[place], 1
            while place + times < len(asked) and asked[place + times] == j:
                times += 1
            for at in range(offsets[j], offsets[j + 1]):
                c = column[at]
                if met[c] != r + 1:
                    met[c], total[c] = r + 1, np.float32(0.0)
                    found[n] = c
                    n += 1
                total[c] += np.float32(times) * value[at]
            place += times
        found[first:n].sort()
        for place in range(first, n):
            score[place] = total[found[place]]
        ends[r + 1] = n
    return ends, found[:n], score[:n]
