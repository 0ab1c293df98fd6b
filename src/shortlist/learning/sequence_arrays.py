"""What is left of a trained sequence model when it serves: plain arrays and the encoder in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64, Ragged
from shortlist.learning.two_tower_arrays import latest

__all__ = ["SequenceArrays"]

_ENCODED_AT_ONCE = 512
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class SequenceArrays:
    """The exported encoder; the formulas are those of ``SequenceModel``, for the last liked item alone.

    A layer norm is ``(2, d)``: its scale and its shift.

    Attributes:
        item_vectors: float32 ``(V + 1, d + 1)``, v and, in the last column, the bias b; row 0 is zeros.
        place: float32 ``(L, d)``, the vector of each place of a history, the oldest first.
        norm_in: before the attention.
        attention_weight: float32 ``(3d, d)``, of query, key and value.
        attention_bias: float32 ``(3d,)``.
        mix_weight: float32 ``(d, d)``, O.
        mix_bias: float32 ``(d,)``.
        norm_mixed: behind the attention.
        hidden_weight: float32 ``(h, d)``, W1.
        hidden_bias: float32 ``(h,)``.
        output_weight: float32 ``(d, h)``, W2.
        output_bias: float32 ``(d,)``.
        norm_out: of the user's vector.
    """

    item_vectors: Float32
    place: Float32
    norm_in: Float32
    attention_weight: Float32
    attention_bias: Float32
    mix_weight: Float32
    mix_bias: Float32
    norm_mixed: Float32
    hidden_weight: Float32
    hidden_bias: Float32
    output_weight: Float32
    output_bias: Float32
    norm_out: Float32

    def user_vectors(self, history: Ragged) -> Float32:
        """The encoder.

        Args:
            history: rows of liked items, oldest first, a list a request.

        Returns:
            float32 ``(R, d + 1)``, the last column 1 to take up the bias; zeros where the history is empty.
        """
        newest_first = latest(history, len(self.place))
        vectors = np.zeros((len(history), self.item_vectors.shape[1]), dtype=np.float32)
        lengths = (newest_first > 0).sum(axis=1)
        asking = np.flatnonzero(lengths)
        for start in range(0, len(asking), _ENCODED_AT_ONCE):
            part = asking[start : start + _ENCODED_AT_ONCE]
            vectors[part] = self._encode(newest_first[part], lengths[part])
        return vectors

    def _encode(self, newest_first: Int64, lengths: Int64) -> Float32:
        width = self.place.shape[1]
        age = np.arange(newest_first.shape[1])
        held: Bool = np.less(age, lengths[:, None])
        place = np.maximum(lengths[:, None] - 1 - age, 0)
        start = self.item_vectors[newest_first, :width] * np.float32(np.sqrt(width)) + self.place[place]
        normed = _norm(start, self.norm_in)
        query_weight, key_weight, value_weight = self.attention_weight.reshape(3, width, width)
        query_bias, key_bias, value_bias = self.attention_bias.reshape(3, width)
        query = normed[:, 0] @ query_weight.T + query_bias
        logit = np.einsum("rld,rd->rl", normed @ key_weight.T + key_bias, query) / np.sqrt(width)
        logit = np.where(held, logit, -np.inf)
        weight = np.exp(logit - logit.max(axis=1, keepdims=True)).astype(np.float32)
        weight /= weight.sum(axis=1, keepdims=True)
        attended = np.einsum("rl,rld->rd", weight, normed) @ value_weight.T + value_bias
        mixed = start[:, 0] + attended @ self.mix_weight.T + self.mix_bias
        hidden = np.maximum(_norm(mixed, self.norm_mixed) @ self.hidden_weight.T + self.hidden_bias, 0.0)
        vector = _norm(mixed + hidden @ self.output_weight.T + self.output_bias, self.norm_out)
        return np.concatenate([vector, np.ones((len(vector), 1), dtype=np.float32)], axis=1)


def _norm(x: Float32, scale_and_shift: Float32) -> Float32:
    """Layer norm over the last axis (Ba, Kiros & Hinton, 2016)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
    return np.asarray(centred / deviation * scale_and_shift[0] + scale_and_shift[1], dtype=np.float32)
