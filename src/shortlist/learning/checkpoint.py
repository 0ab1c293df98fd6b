"""Checkpoints of a training run: tensors in safetensors, the rest in JSON; nothing is unpickled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shortlist.core.errors import DataError

__all__ = ["Place", "read_checkpoint", "write_checkpoint"]

_PLACE = "checkpoint.json"


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a run stands; every draw depends on the seed, the pass and the step, so no generator's state is kept.

    Attributes:
        run: fingerprint of recipe, seed and examples; a checkpoint of another run is refused.
        epoch: the pass under way, from 0.
        step: steps done in it.
        figures: what the validation found after each pass so far.
        learning: the loss on the training rows of each pass so far; empty where the loop keeps none.
        tensors: name of the file that holds them.
    """

    run: str
    epoch: int
    step: int
    figures: tuple[float, ...] = ()
    learning: tuple[float, ...] = ()
    tensors: str = ""


def write_checkpoint(
    folder: Path,
    place: Place,
    model: nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
    extra: Mapping[str, Tensor],
) -> None:
    """Write all tensors, then ``checkpoint.json`` that names them: a run that dies on the way keeps the last one.

    Args:
        folder: made where it is missing.
        place: where the run stands.
        model: its parameters and buffers.
        optimizers: by name; learning rates are not kept, they follow from the step.
        extra: more tensors to keep, such as the best weights so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for name, optimizer in optimizers.items():
        for which, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{which}.{key}": value for key, value in state.items()}
    tensors |= {f"extra.{name}": value for name, value in extra.items()}
    place = msgspec.structs.replace(place, tensors=f"tensors-{place.epoch}-{place.step}.safetensors")
    _durably(folder / place.tensors, lambda path: save_file({k: v.contiguous() for k, v in tensors.items()}, path))
    _durably(folder / _PLACE, lambda path: path.write_bytes(msgspec.json.format(msgspec.json.encode(place))))
    for old in folder.glob("tensors-*.safetensors"):
        if old.name != place.tensors:
            old.unlink()


def read_checkpoint(
    folder: Path, run: str, model: nn.Module, optimizers: Mapping[str, torch.optim.Optimizer]
) -> tuple[Place, dict[str, Tensor]] | None:
    """Put model and optimizers where ``write_checkpoint`` left them; None where there is no checkpoint.

    Args:
        folder: of the checkpoint.
        run: the fingerprint that it must have.
        model: built as it was then; changed in place.
        optimizers: built as they were then; changed in place.

    Returns:
        Where the run stands, and the extra tensors.

    Raises:
        DataError: the checkpoint is torn or belongs to another run.
    """
    path = folder / _PLACE
    if not path.exists():
        return None
    try:
        place = msgspec.json.decode(path.read_bytes(), type=Place)
        tensors = load_file(folder / place.tensors)
    except (OSError, msgspec.MsgspecError, SafetensorError) as error:
        raise DataError(
            f"the checkpoint cannot be read: {error}", where=str(path), fix="remove the folder to train from the start"
        ) from None
    if place.run != run:
        raise DataError(
            "the checkpoint belongs to a run with another recipe, seed or table",
            where=str(path),
            fix="train with what it was begun with, or name another folder",
        )
    model.load_state_dict(_under("model.", tensors))
    for name, optimizer in optimizers.items():
        held = optimizer.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(f"optimizer.{name}.", tensors).items():
            which, what = key.split(".", 1)
            state.setdefault(int(which), {})[what] = value
        optimizer.load_state_dict({"state": state, "param_groups": held["param_groups"]})
    return place, _under("extra.", tensors)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _durably(path: Path, write: Callable[[Path], object]) -> None:
    scratch = path.with_name(f".{path.name}.part")
    write(scratch)
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(path)
