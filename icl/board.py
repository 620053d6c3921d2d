"""How far a sweep is: what it shows while it runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping

from tqdm import tqdm

from icl.plan import Unit
from icl.worker import Outcome


class Board:
    """One bar over all runs; its time left is of the steps that are left, at the mean rate."""

    def __init__(self, units: Mapping[str, Unit], progress: bool) -> None:
        self._steps = {key: unit.config.training.steps for key, unit in units.items()}
        self._seen = dict.fromkeys(units, 0)
        self._runs, self._ended, self._failed = len(units), 0, 0
        self._lock = threading.Lock()
        self._bar = tqdm(
            total=sum(self._steps.values()),
            unit="step",
            unit_scale=True,
            smoothing=0,
            disable=not progress,
        )
        self._show()

    def tell(self, key: str, steps: int, resumed: bool) -> None:
        """Steps of a run. It may start again on another worker: only what is new counts."""
        if self._bar.disable:
            return
        with self._lock:
            if resumed:
                new = steps - self._seen[key]
                self._bar.initial += max(new, 0)  # free, so no part of the rate
            else:
                new = min(steps, self._steps[key] - self._seen[key])
            if new > 0:
                self._seen[key] += new
                self._bar.update(new)

    def end(self, unit: Unit, outcome: Outcome) -> None:
        """A run has ended; steps that it did not need are no longer to be made."""
        ended = outcome.kind in ("done", "stored", "failed")
        with self._lock:
            if outcome.warnings:
                self.say(outcome.warnings)
            self._ended += ended
            if outcome.kind == "failed":
                self._failed += 1
                self.say(f"failed: {unit}: {outcome.message}")
            if ended and not self._bar.disable:
                rest = self._steps[unit.key] - self._seen[unit.key]
                self._bar.total = (self._bar.total or 0) - rest
            self._show()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def _show(self) -> None:
        self._bar.set_postfix_str(f"{self._ended}/{self._runs} runs, {self._failed} failed")

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
