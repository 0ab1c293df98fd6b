"""The training loop of a binary classifier: sparse steps for tables, early stopping on later rows, checkpoints."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.core.arrays import Int64
from shortlist.core.errors import DataError
from shortlist.learning.bf16_matmul import bf16_matmul
from shortlist.learning.checkpoint import Place, read_checkpoint, write_checkpoint
from shortlist.learning.draws import drawing
from shortlist.learning.early_stopping import EarlyStopping
from shortlist.learning.learning_curve import LearningCurve
from shortlist.learning.one_thread import one_thread
from shortlist.learning.rowwise_adagrad import RowwiseAdagrad
from shortlist.learning.training_rows import TrainingRows

__all__ = ["ClassifierRecipe", "FittedClassifier", "Loss", "fit_classifier", "log_loss"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits and labels, ``(n,)`` or ``(n, T)``, to the loss of each row ``(n,)``."""

_CHECKED_AT_ONCE = 8_192


class ClassifierRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a classifier is trained.

    Attributes:
        epochs: passes over the rows at most.
        patience: passes without a better validation loss after which it stops.
        batch: rows a step.
        chunk: rows that are worked on at once; a step adds up its chunks' gradients. What a chunk needs fits the
            processor's cache, which a batch of thousands does not.
        threads: chunks that are worked on side by side. Whatever their number, the weights are the same to the bit.
        learning_rate: of AdamW, for everything but the tables of embeddings.
        weight_decay: of AdamW.
        embedding_rate: of row-wise Adagrad, for the tables.
        bf16: matrix products in bfloat16 where the processor can.
        every: steps from one checkpoint to the next.
    """

    epochs: int = 12
    patience: int = 2
    batch: int = 2_048
    chunk: int = 512
    threads: int = 1
    learning_rate: float = 5e-4
    weight_decay: float = 1e-2
    embedding_rate: float = 0.02
    bf16: bool = False
    every: int = 500


@dataclass(frozen=True, slots=True)
class FittedClassifier:
    """What the loop saw.

    Attributes:
        curve: the losses of each pass.
        steps: of this process, those of an earlier one that was taken up again not among them.
    """

    curve: LearningCurve
    steps: int

    @property
    def losses(self) -> tuple[float, ...]:
        """The validation loss after each pass."""
        return self.curve.validation

    @property
    def best_epoch(self) -> int:
        """The pass whose weights were kept, from 1."""
        return self.curve.best


def log_loss(logit: Tensor, label: Tensor) -> Tensor:
    """``-y log p - (1 - y) log(1 - p)``, ``p = sigmoid(logit)``, a row: ``(n,)``."""
    return functional.binary_cross_entropy_with_logits(logit, label, reduction="none")


def fit_classifier(
    model: nn.Module,
    rows: TrainingRows,
    *,
    validation: TrainingRows,
    recipe: ClassifierRecipe,
    seed: int,
    loss: Loss = log_loss,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FittedClassifier:
    """Minimise ``sum(w · loss) / sum(w)`` by mini-batches; keep the weights of the pass that ``validation`` likes best.

    Everything that is drawn depends on seed, pass, step and chunk alone. So a run that was interrupted and is called
    again with the same arguments ends with the same bits as one that was not.

    Args:
        model: gives logits ``(n,)``, or ``(n, T)`` of several tasks; changed in place. Weights of
            ``nn.Embedding(sparse=True)`` get row-wise Adagrad.
        rows: to learn from.
        validation: rows that lie later in time.
        recipe: sizes and rates.
        seed: of the order of rows and of dropout.
        loss: of a row.
        folder: of the checkpoints; without it none are written.
        progress: told of every pass.

    Raises:
        DataError: the folder's checkpoint is torn or belongs to another run, or a loss is not finite.
    """
    with _workers(recipe) as over_chunks, bf16_matmul(wanted=recipe.bf16):
        loop = _Loop(model, rows, loss, recipe, seed, over_chunks)
        run = _fingerprint(rows, validation, recipe, seed) if folder is not None else ""
        place, best = Place(run=run, epoch=0, step=0), dict[str, Tensor]()
        if folder is not None:
            place, best = read_checkpoint(folder, run, model, loop.optimizers) or (place, best)
        loop.lost = best.pop(_LOST, loop.lost)
        stopping, learned = EarlyStopping(recipe.patience, list(place.figures)), list(place.learning)
        steps = 0

        def checkpoint(epoch: int, step: int) -> None:
            if folder is not None:
                here = Place(run=run, epoch=epoch, step=step, figures=tuple(stopping.seen), learning=tuple(learned))
                write_checkpoint(folder, here, model, loop.optimizers, best | {_LOST: loop.lost})

        for epoch in range(place.epoch, recipe.epochs):
            if stopping.over:
                break
            first = place.step if epoch == place.epoch else 0
            model.train()
            for step, chosen in enumerate(rows.batches(recipe.batch, seed=seed, epoch=epoch, first=first), start=first):
                if step > first and step % recipe.every == 0:
                    checkpoint(epoch, step)
                loop.step(chosen, epoch, step)
                steps += 1
            learned.append(loop.mean_loss())
            better, last = stopping.better(-loop.loss_of(validation)), epoch + 1 == recipe.epochs
            if better:  # after the last pass the model itself holds them
                best = {} if last else {name: value.clone() for name, value in model.state_dict().items()}
            checkpoint(epoch + 1, 0)
            if progress is not None:
                progress(epoch + 1, recipe.epochs)
    if best:
        model.load_state_dict(best)
    model.eval()
    return FittedClassifier(LearningCurve(tuple(learned), tuple(-figure for figure in stopping.seen)), steps)


_LOST = "loss so far"
OverChunks = Callable[[Callable[[int], "_Part"], Sequence[int]], Iterator["_Part"]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What a chunk brings: its summed loss, and its gradients in the order of the parameters."""

    lost: float
    weight: float
    gradients: Sequence[Tensor | None]


class _Loop:
    """One step after another; holds what a step needs besides its rows."""

    def __init__(
        self,
        model: nn.Module,
        rows: TrainingRows,
        loss: Loss,
        recipe: ClassifierRecipe,
        seed: int,
        over_chunks: OverChunks,
    ) -> None:
        self._model, self._rows, self._loss, self._recipe, self._seed = model, rows, loss, recipe, seed
        self._over_chunks = over_chunks
        sparse = [part.weight for part in model.modules() if isinstance(part, nn.Embedding) and part.sparse]
        dense = [weight for weight in model.parameters() if all(weight is not table for table in sparse)]
        self._weights: list[Tensor] = [*sparse, *dense]
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        if sparse:
            self.optimizers["rowwise_adagrad"] = RowwiseAdagrad(sparse, lr=recipe.embedding_rate)
        if dense:
            self.optimizers["adamw"] = torch.optim.AdamW(
                dense, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
            )
        self.lost = torch.zeros(2, dtype=torch.float64)

    def step(self, chosen: Int64, epoch: int, step: int) -> None:
        """Gradients of the chunks, added up in their order, and one step of the optimizers."""
        parts = [chosen[at : at + self._recipe.chunk] for at in range(0, len(chosen), self._recipe.chunk)]

        def work(k: int) -> _Part:
            rows = self._rows.gather(parts[k])
            with drawing(self._seed, epoch, step, k):
                lost = (rows.weight * self._loss(self._model(*rows.arguments), rows.label)).sum()
            gradients = torch.autograd.grad(lost, self._weights, allow_unused=True)
            return _Part(float(lost.detach()), float(rows.weight.sum()), gradients)

        done = list(self._over_chunks(work, range(len(parts))))
        weight, lost = sum(part.weight for part in done), sum(part.lost for part in done)
        if not math.isfinite(lost):
            raise DataError(
                f"the loss is {lost} in pass {epoch + 1}, step {step + 1}",
                where="training rows",
                fix="look for NaN or infinite features, labels and weights, or lower the learning rates",
            )
        self.lost += torch.tensor([lost, weight], dtype=torch.float64)
        for which, parameter in enumerate(self._weights):
            parameter.grad = _sum([part.gradients[which] for part in done], 1.0 / max(weight, 1e-30))
        for optimizer in self.optimizers.values():
            optimizer.step()

    def mean_loss(self) -> float:
        """Over the steps since it was asked last."""
        lost, weight = self.lost.tolist()
        self.lost = torch.zeros(2, dtype=torch.float64)
        return float(lost / max(weight, 1e-30))

    def loss_of(self, rows: TrainingRows) -> float:
        """The mean loss of other rows, nothing dropped."""
        self._model.eval()
        starts = range(0, len(rows), _CHECKED_AT_ONCE)

        def work(start: int) -> _Part:
            part = rows.gather(np.arange(start, min(start + _CHECKED_AT_ONCE, len(rows))))
            with torch.no_grad():
                lost = (part.weight * self._loss(self._model(*part.arguments), part.label)).sum()
            return _Part(float(lost), float(part.weight.sum()), ())

        done = list(self._over_chunks(work, starts))
        return sum(part.lost for part in done) / max(sum(part.weight for part in done), 1e-30)


@contextmanager
def _workers(recipe: ClassifierRecipe) -> Iterator[OverChunks]:
    """Torch on one thread a worker: no worker waits for another inside of a matrix product."""
    with one_thread():
        if recipe.threads == 1:
            yield map
            return
        with ThreadPoolExecutor(recipe.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool.map


def _sum(gradients: Sequence[Tensor | None], scale: float) -> Tensor | None:
    held = [gradient for gradient in gradients if gradient is not None]
    if not held:
        return None
    if held[0].is_sparse:
        row = torch.cat([gradient._indices() for gradient in held], dim=1)  # noqa: SLF001 - adding would sort them
        value = torch.cat([gradient._values() for gradient in held]).mul_(scale)  # noqa: SLF001
        return torch.sparse_coo_tensor(row, value, held[0].shape, check_invariants=False)
    return torch.stack(held).sum(dim=0).mul_(scale) if len(held) > 1 else held[0] * scale


def _fingerprint(rows: TrainingRows, validation: TrainingRows, recipe: ClassifierRecipe, seed: int) -> str:
    free = msgspec.structs.replace(recipe, threads=1)  # it changes no bit
    parts = (rows.fingerprint(), validation.fingerprint(), msgspec.json.encode(free).decode(), str(seed))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
