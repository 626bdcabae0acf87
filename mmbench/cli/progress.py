"""A progress bar for `mmbench run`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from mmbench.training import Event


@contextmanager
def progress_bar(epochs: int | None, *, n_seeds: int) -> Iterator[Callable[[Event], None]]:
    """Draw a bar over the epochs of all seeds, and yield the function that moves it.

    `epochs` are those of one seed; without them, the bar counts seeds.
    """
    done = 0
    with tqdm(total=n_seeds * (epochs or 1), unit="epoch" if epochs else "seed") as bar:

        def move(event: Event) -> None:
            nonlocal done
            if event.kind == "epoch" and epochs and event.epoch is not None:
                bar.n = done + min(event.epoch + 1, epochs)
                loss = "" if event.loss is None else f", loss {event.loss:.4g}"
                bar.set_description(f"seed {event.seed}{loss}", refresh=True)
            elif event.kind == "done":
                done += epochs or 1
                bar.n = done
                bar.refresh()

        yield move
