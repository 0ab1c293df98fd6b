"""The training loop of the two towers: batches in, sampled softmax, sparse steps, checks, checkpoints."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from shortlist.core.arrays import Float32, Int64
from shortlist.learning.bf16_matmul import bf16_matmul
from shortlist.learning.checkpoint import Place, read_checkpoint, write_checkpoint
from shortlist.learning.chunked_softmax import chunked_softmax_loss
from shortlist.learning.early_stopping import EarlyStopping
from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.sampler import Negatives, NegativeSampler
from shortlist.learning.progress import Progress, silent
from shortlist.learning.rowwise_adagrad import RowwiseAdagrad
from shortlist.learning.tower_examples import TowerExamples, epoch_batches
from shortlist.learning.two_tower_model import TwoTowerModel

__all__ = ["FittedTowers", "TwoTowerRecipe", "fit_towers", "item_vectors"]

_RECALL_AT = 50
_CHECKED_AT_MOST = 2_000


class TwoTowerRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """How the towers are trained.

    Attributes:
        width: d.
        hidden: units of the user tower's hidden layer.
        history: L, the latest liked items that the user tower reads.
        epochs: passes over the positives at most.
        batch: positives a step.
        embedding_rate: of row-wise Adagrad, for embeddings; falls to 0 by a cosine, as the next one does.
        learning_rate: of AdamW, for everything else.
        weight_decay: of AdamW.
        temperature: τ of the softmax.
        steps_at_most: bound on the work for large tables.
        without_ids: share of the steps in which the wanted items are placed by their content alone, as a new item is;
            none where no item has content.
        bf16: matrix products in bfloat16 where the processor can; pays for large batches, 8,192 for example.
        validation: share of the latest positives held out to stop early by; 0 makes all passes and learns from all.
        patience: passes without a better recall after which to stop.
        every: steps from one checkpoint to the next, and from one refresh of a hard sampler's index to the next.
    """

    width: int = 64
    hidden: int = 128
    history: int = 50
    epochs: int = 6
    batch: int = 512
    embedding_rate: float = 0.1
    learning_rate: float = 3e-3
    weight_decay: float = 1e-6
    temperature: float = 0.2
    steps_at_most: int = 20_000
    without_ids: float = 0.3
    bf16: bool = False
    validation: float = 0.0
    patience: int = 2
    every: int = 500


@dataclass(frozen=True, slots=True)
class FittedTowers:
    """What the loop saw.

    Attributes:
        recalls: recall@50 of the held-out positives after each pass; empty where none were held out.
        steps: of this process, those of an earlier one that was taken up again not among them.
    """

    recalls: tuple[float, ...]
    steps: int


def fit_towers(
    model: TwoTowerModel,
    examples: TowerExamples,
    negatives: NegativeSampler | HardNegatives,
    *,
    recipe: TwoTowerRecipe,
    seed: int,
    validation: TowerExamples | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> FittedTowers:
    """Minimise the sampled softmax over the examples; keep the pass with the best recall where there is a validation.

    Everything that is drawn depends on seed, pass and step alone. So a run that was interrupted and is called again
    with the same arguments ends with the same bits as one that was not (on one thread).

    Args:
        model: changed in place.
        examples: the positives and their histories.
        negatives: their sampler.
        recipe: sizes and rates.
        seed: of batch order and negatives.
        validation: later positives, looked for among all items outside their histories.
        folder: of the checkpoints; without it none are written.
        progress: told of every twentieth of the work.

    Raises:
        DataError: the folder's checkpoint is torn or belongs to another run.
    """
    loop = _Loop(model, negatives, recipe, seed)
    a_pass = max(1, -(-len(examples) // recipe.batch))
    epochs = max(1, min(recipe.epochs, recipe.steps_at_most // a_pass))
    total, tell = epochs * a_pass, max(1, epochs * a_pass // 20)
    run = _fingerprint(examples, recipe, seed, negatives)
    place, best = Place(run=run, epoch=0, step=0), dict[str, Tensor]()
    if folder is not None:
        place, best = read_checkpoint(folder, run, model, loop.optimizers) or (place, best)
    stopping = EarlyStopping(recipe.patience, list(place.figures))
    steps = 0

    def checkpoint(epoch: int, step: int) -> None:
        if folder is not None:
            here = Place(run=run, epoch=epoch, step=step, figures=tuple(stopping.seen))
            write_checkpoint(folder, here, model, loop.optimizers, best)

    with bf16_matmul(wanted=recipe.bf16):
        for epoch in range(place.epoch, epochs):
            if stopping.over:
                break
            first = place.step if epoch == place.epoch else 0
            batches = epoch_batches(len(examples), recipe.batch, seed=seed, epoch=epoch, first=first)
            for step, chosen in enumerate(batches, start=first):
                done = epoch * a_pass + step
                if step % recipe.every == 0:
                    if step > first:
                        checkpoint(epoch, step)
                    loop.refresh()
                loop.step(*examples.batch(chosen, recipe.history), epoch=epoch, step=step, done=done / total)
                steps += 1
                if (done + 1) % tell == 0:
                    progress("two_tower", done + 1, total)
            if validation is not None and stopping.better(_recall(model, validation, recipe.history)):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            checkpoint(epoch + 1, 0)
    if best:
        model.load_state_dict(best)
    return FittedTowers(tuple(stopping.seen), steps)


def item_vectors(model: TwoTowerModel) -> Tensor:
    """All items through their tower: ``(V + 1, d)``."""
    with torch.no_grad():
        return torch.cat([model.items(rows) for rows in torch.split(torch.arange(len(model.item.weight)), 8_192)])


class _Loop:
    """One step after another; holds what a step needs besides its batch."""

    def __init__(
        self, model: TwoTowerModel, negatives: NegativeSampler | HardNegatives, recipe: TwoTowerRecipe, seed: int
    ) -> None:
        self._model = model
        self._negatives = negatives
        self._recipe = recipe
        self._seed = seed
        tables = [model.item.weight, model.token.weight]
        dense = [weight for weight in model.parameters() if all(weight is not table for table in tables)]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "rowwise_adagrad": RowwiseAdagrad(tables, lr=recipe.embedding_rate),
            "adamw": torch.optim.AdamW(dense, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True),
        }
        self._without_ids = recipe.without_ids if bool(model.content.any()) else 0.0
        self._rates = {"rowwise_adagrad": recipe.embedding_rate, "adamw": recipe.learning_rate}

    def refresh(self) -> None:
        """Hard negatives look for what the model of now would find."""
        if isinstance(self._negatives, HardNegatives):
            self._negatives.refresh(item_vectors(self._model).numpy())

    def step(self, history: Int64, positive: Int64, *, epoch: int, step: int, done: float) -> None:
        """Gradients and update of one batch, ``(B, L)`` and ``(B,)``; ``done`` of the whole work lies behind."""
        rng = np.random.default_rng([self._seed, epoch, step])
        drawn = self._draw(history, positive, rng)
        loss = self._loss(history, positive, drawn, with_id=bool(rng.random() >= self._without_ids))
        for name, optimizer in self.optimizers.items():
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = self._rates[name] * 0.5 * (1.0 + math.cos(math.pi * done))
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers.values():
            optimizer.step()

    def _draw(self, history: Int64, positive: Int64, rng: np.random.Generator) -> Negatives:
        if not isinstance(self._negatives, HardNegatives):
            return self._negatives.draw(positive, rng)
        with torch.no_grad():
            users: Float32 = self._model(torch.from_numpy(history))[0].numpy()
        return self._negatives.draw(positive, users, rng)

    def _loss(self, history: Int64, positive: Int64, drawn: Negatives, *, with_id: bool) -> Tensor:
        hits = accidental_hits(positive, drawn.row)
        left_out = (torch.from_numpy(hits[0]), torch.from_numpy(hits[1]))
        log_expected = torch.from_numpy(drawn.log_expected.astype(np.float32))
        rows = map(torch.from_numpy, (history, positive, drawn.row))
        user, (item, negative) = self._model(*rows, with_id=with_id)
        temperature = self._recipe.temperature
        if drawn.shared:
            return chunked_softmax_loss(user, item, negative, log_expected, hits=left_out, temperature=temperature)
        near = (user.unsqueeze(1) * negative).sum(dim=2) / temperature
        return sampled_softmax_loss((user * item).sum(dim=1) / temperature, near, log_expected, hits=left_out)


def _recall(model: TwoTowerModel, validation: TowerExamples, length: int) -> float:
    """The share of positives among the 50 best items outside their histories, over evenly spread positives."""
    chosen = np.unique(np.linspace(0, len(validation) - 1, min(len(validation), _CHECKED_AT_MOST)).astype(np.int64))
    vectors = item_vectors(model)
    found = 0
    with torch.no_grad():
        for part in np.array_split(chosen, max(1, len(chosen) // 256)):
            history, positive = (torch.from_numpy(rows) for rows in validation.batch(part, length))
            score = model(history)[0] @ vectors.T
            score.scatter_(1, history, -torch.inf)
            score[:, 0] = -torch.inf
            own = score.gather(1, positive.unsqueeze(1))
            found += int(((score > own).sum(dim=1) < _RECALL_AT).sum())
    return found / max(1, len(chosen))


def _fingerprint(
    examples: TowerExamples, recipe: TwoTowerRecipe, seed: int, negatives: NegativeSampler | HardNegatives
) -> str:
    parts = (examples.fingerprint(), msgspec.json.encode(recipe).decode(), str(seed), type(negatives).__name__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
