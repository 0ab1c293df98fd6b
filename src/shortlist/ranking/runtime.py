"""``Runtime``: a trained ranker on onnxruntime, without torch; ids and numbers that make no sense are refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32
from shortlist.core.errors import DataError, ReleaseError
from shortlist.ranking.input_sizes import InputSizes, checked_ids, checked_numbers

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports to its maker unless told not to, at import
import onnxruntime as ort

__all__ = ["SIZES_KEY", "TASKS_KEY", "Runtime"]

SIZES_KEY = "shortlist.inputs"
"""Under which the model's file holds its ``InputSizes``, as JSON."""

TASKS_KEY = "shortlist.tasks"
"""Under which a model of several tasks holds their names, as JSON."""

_AT_ONCE = 65_536


class Runtime:
    """A model of ``export_onnx``. The request's side is worked out once a request, inside of the graph.

    Args:
        path: of the ONNX file.

    Attributes:
        sizes: of the inputs.
        tasks: what each logit of a row is of; empty where a row has one.

    Raises:
        ReleaseError: the file is missing, is no model, or does not say what its inputs are.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # requests are what runs side by side
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            held = self._session.get_modelmeta().custom_metadata_map
            self.sizes = msgspec.json.decode(held[SIZES_KEY], type=InputSizes)
            self._names = self.sizes.names
            self.tasks = msgspec.json.decode(held.get(TASKS_KEY, "[]"), type=tuple[str, ...])
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class of their own
            raise ReleaseError(
                f"the model cannot be read: {error}", where=str(path), fix="train a new release"
            ) from None

    def logits(self, inputs: Mapping[str, Array]) -> Float32:
        """Logits, float32 ``(N,)``; ``(N, T)`` of a model of several tasks.

        Args:
            inputs: by name, see ``InputSizes``; others are left alone.

        Raises:
            DataError: an id is outside of its table, an index names no request or is of another length, or a number
                is NaN or infinite.
        """
        checked_ids(self.sizes, inputs)
        checked_numbers(self.sizes, inputs)
        n = len(inputs[self._names[-1]])
        if self.sizes.request_names and len(inputs["request_index"]) != n:
            raise DataError(
                f"request_index names the requests of {len(inputs['request_index'])} candidates, there are {n}",
                where="request_index",
                fix="give one request a candidate",
            )
        if n <= _AT_ONCE:
            return self._run({name: inputs[name] for name in self._names})
        return np.concatenate([self._run(self._part(inputs, slice(at, at + _AT_ONCE))) for at in range(0, n, _AT_ONCE)])

    def _part(self, inputs: Mapping[str, Array], rows: slice) -> dict[str, Array]:
        of_requests = self.sizes.request_names
        return {name: inputs[name] if name in of_requests else inputs[name][rows] for name in self._names}

    def _run(self, given: dict[str, Array]) -> Float32:
        return cast("Float32", self._session.run(["logit"], given)[0])
