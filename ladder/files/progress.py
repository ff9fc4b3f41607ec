"""Progress of a training: a bar in a terminal, a line per tenth of the run elsewhere."""

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm


class Progress:
    """Counts steps (epochs, images …) and shows the newest figures beside the count.

    Parameters
    ----------
    title : what is being counted, such as "train-mnist".
    total : number of steps.
    unit : what one step is, such as "epoch".
    bar : whether a terminal gets a bar.
    """

    def __init__(self, title: str, total: int, unit: str = "epoch", bar: bool = True) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self.bar = tqdm(total=total, desc=title, unit=unit) if bar and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count `steps` more; `figures` such as loss and accuracy are shown with them."""
        before, self.done = self.done, self.done + steps
        shown = {name: f"{value:.4f}" for name, value in figures.items()}
        if self.bar is not None:
            self.bar.set_postfix(shown, refresh=False)
            self.bar.update(steps)
        elif self.done * 10 // self.total > before * 10 // self.total:
            pairs = "".join(f"  {name} {value}" for name, value in shown.items())
            print(f"{self.title}  {self.unit} {self.done}/{self.total}{pairs}", flush=True)
