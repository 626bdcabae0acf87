"""The log of a training: what a method reports, checked and stored in small types."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmbench.data import Dataset
from mmbench.training.states import StateFile

_INT16_MAX = np.iinfo(np.int16).max
_FLOAT16_MAX = float(np.finfo(np.float16).max)


class RunLog:
    """The `Log` of one seed.

    Attributes:
        losses: by name, (epoch, value) pairs of `loss` and the terms. Values of terms that are
            NaN or infinite are left out.
        history: (n_samples,) int16 for each checkpoint, logged in `epochs`.
        embedding: (n_samples, n_latent) float16, the last one logged, scaled down as a whole if
            float16 cannot represent it.
        view_assignments: by view, (n_samples,) int32, the last ones logged.
        diverged: why training cannot continue; empty if it can.
        last_call: `time.monotonic` at the last call with a loss or assignments.
    """

    def __init__(
        self,
        data: Dataset,
        on_epoch: Callable[[int, dict[str, float]], None] = lambda *_: None,
        *,
        state: StateFile | None = None,
        on_resumed: Callable[[dict[str, list[tuple[int, float]]], float], None] = lambda *_: None,
    ) -> None:
        """Create an empty log of a training on `data`.

        `on_epoch` is called with each epoch and its finite figures. If the training is resumed,
        `on_resumed` is called with the figures of earlier epochs and the seconds that they took.
        """
        self.losses: dict[str, list[tuple[int, float]]] = {}
        self.history: list[NDArray[np.int16]] = []
        self.epochs: list[int] = []
        self.embedding: NDArray[np.float16] | None = None
        self.view_assignments: dict[str, NDArray[np.int32]] = {}
        self.diverged = ""
        self.last_call: float | None = None
        self._data = data
        self._on_epoch = on_epoch
        self._epoch = 0
        self._state = state
        self._on_resumed = on_resumed

    def __call__(
        self,
        epoch: int,
        *,
        loss: float | None = None,
        y_pred: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        view_assignments: Mapping[str, ArrayLike] | None = None,
        **terms: float,
    ) -> None:
        """Record one epoch; see `mmbench.methods.Log`. Arrays may be torch tensors.

        Raises:
            FloatingPointError: the loss is NaN or infinite, so that training ends at once.
            ValueError: the epoch decreases, or an array has the wrong shape, type or range.
        """
        if epoch < self._epoch:
            raise ValueError(
                f"log: expected epochs not to decrease, got {epoch} after {self._epoch}"
            )
        self._epoch = int(epoch)
        if loss is not None or y_pred is not None:
            self.last_call = time.monotonic()
        if y_pred is not None:
            self._keep_checkpoint(y_pred)
        if embedding is not None:
            self.embedding = self._small(embedding)
        for view, assigned in (view_assignments or {}).items():
            self._keep_part(view, assigned)
        self._keep_figures(loss, terms)

    def save(self, epoch: int, state: Mapping[str, Any]) -> None:
        """Keep the state after an epoch; see `mmbench.methods.save_state`."""
        if self._state is None:
            return
        names = ("losses", "history", "epochs", "embedding", "view_assignments")
        logged = {name: getattr(self, name) for name in names}
        self._state.keep({"epoch": epoch, "state": state, "logged": logged})

    def resume(self) -> tuple[int, dict[str, Any]]:
        """Return the next epoch and the state, and restore the log; see `methods.saved_state`."""
        if self._state is None or (found := self._state.load()) is None:
            return 0, {}
        logged = found["logged"]
        self.losses = logged["losses"]
        self.history = [as_numpy(checkpoint) for checkpoint in logged["history"]]
        self.epochs = logged["epochs"]
        self.embedding = None if logged["embedding"] is None else as_numpy(logged["embedding"])
        self.view_assignments = {
            view: as_numpy(assigned) for view, assigned in logged["view_assignments"].items()
        }
        self._epoch = found["epoch"]
        self.last_call = time.monotonic()
        self._on_resumed(self.losses, self._state.spent)
        return self._epoch + 1, found["state"]

    def _keep_checkpoint(self, y_pred: ArrayLike) -> None:
        n_clusters = self._data.n_clusters
        if n_clusters - 1 > _INT16_MAX:
            raise ValueError(
                f"log: the history holds at most {_INT16_MAX + 1} clusters, got {n_clusters}"
            )
        what = f"log: y_pred at epoch {self._epoch}"
        checkpoint = assignments(y_pred, self._data, what).astype(np.int16)
        if self.epochs and self.epochs[-1] == self._epoch:
            self.history[-1] = checkpoint
        else:
            self.epochs.append(self._epoch)
            self.history.append(checkpoint)

    def _keep_part(self, view: str, assigned: ArrayLike) -> None:
        known = sorted(known_view.name for known_view in self._data.views)
        if view not in known:
            raise ValueError(
                f"log: view_assignments: expected a view of {', '.join(known)}, got {view!r}"
            )
        what = f"log: view_assignments[{view!r}] at epoch {self._epoch}"
        kept = assignments(assigned, self._data, what, lowest=-1)
        self.view_assignments[view] = kept.astype(np.int32)

    def _keep_figures(self, loss: float | None, terms: Mapping[str, float]) -> None:
        values = terms if loss is None else {"loss": loss, **terms}
        figures = {name: float(as_numpy(value).item()) for name, value in values.items()}
        finite = {name: value for name, value in figures.items() if math.isfinite(value)}
        for name, value in finite.items():
            self.losses.setdefault(name, []).append((self._epoch, value))
        self._on_epoch(self._epoch, finite)
        if "loss" in figures and "loss" not in finite:
            self.diverged = f"the loss is {figures['loss']} at epoch {self._epoch}"
            raise FloatingPointError(self.diverged)

    def _small(self, embedding: ArrayLike) -> NDArray[np.float16]:
        values = as_numpy(embedding).astype(np.float32)
        what = f"log: embedding at epoch {self._epoch}"
        n_samples = self._data.n_samples
        if values.ndim != 2 or len(values) != n_samples:
            raise ValueError(f"{what}: expected shape ({n_samples}, n_latent), got {values.shape}")
        largest = float(np.abs(values).max(initial=0))
        if not math.isfinite(largest):
            raise ValueError(f"{what}: expected finite values, got NaN or infinite ones")
        # only relative distances are shown, so a common factor changes nothing
        factor = min(1.0, 0.99 * _FLOAT16_MAX / largest) if largest else 1.0
        return (values * np.float32(factor)).astype(np.float16)


def assignments(
    y_pred: ArrayLike, data: Dataset, what: str, *, lowest: int = 0
) -> NDArray[np.integer[Any]]:
    """Return assignments in `lowest` … n_clusters - 1 as an array, (n_samples,).

    Raises:
        ValueError: a wrong shape, type or range; the message begins with `what`.
    """
    values = as_numpy(y_pred)
    if values.shape != (data.n_samples,):
        raise ValueError(f"{what}: expected shape ({data.n_samples},), got {values.shape}")
    if values.dtype.kind not in "iu":
        raise ValueError(f"{what}: expected integers, got {values.dtype}")
    if values.min() < lowest or values.max() >= data.n_clusters:
        raise ValueError(
            f"{what}: expected clusters in {lowest}..{data.n_clusters - 1},"
            f" got {values.min()}..{values.max()}"
        )
    return values


def as_numpy(values: Any) -> NDArray[Any]:
    """Return an array from a value that may be a torch tensor, without importing torch."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":  # NumPy has no such type
            values = values.float()
        values = values.numpy()
    return np.asarray(values)
