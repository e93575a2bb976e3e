"""The rules of the streaming actors, cycle by cycle, as plain as `netloom/core/dataflow.py` writes them.

A model says whether it takes a beat (given that there is one) and whether it has one to give, and moves to
the next cycle. It carries no data: what comes out is the business of the tests.
"""

from __future__ import annotations

from netloom.core.dataflow import Resample, Window


class Rules:
    """An actor's registers; all 0 at first."""

    def ready(self, space: bool) -> bool:
        """Whether it fires if `avail`."""
        raise NotImplementedError

    def valid(self) -> bool:
        """Whether it pushes if `space`."""
        raise NotImplementedError

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        """The clock edge."""
        raise NotImplementedError


class FifoRules(Rules):
    """`most` is the largest count that a cycle began with."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.count = 0
        self.most = 0

    def ready(self, space: bool) -> bool:
        self.most = max(self.most, self.count)
        return self.count < self.depth

    def valid(self) -> bool:
        return self.count > 0

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        self.count += fire - push


class ReduceRules(Rules):
    def __init__(self, beats: int) -> None:
        self.beats = beats
        self.n = 0
        self.v = False

    def ready(self, space: bool) -> bool:
        return self.n < self.beats - 1 or not self.v or space

    def valid(self) -> bool:
        return self.v

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        self.v = (fire and self.n == self.beats - 1) or (self.v and not push)
        if fire:
            self.n = (self.n + 1) % self.beats


class CollectRules(ReduceRules):
    def ready(self, space: bool) -> bool:
        return not self.v or space


class SpreadRules(Rules):
    def __init__(self, beats: int) -> None:
        self.beats = beats
        self.n = 0
        self.v = False

    def ready(self, space: bool) -> bool:
        return not self.v or (space and self.n == self.beats - 1)

    def valid(self) -> bool:
        return self.v

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        self.v = fire or (self.v and not (push and self.n == self.beats - 1))
        if push:
            self.n = (self.n + 1) % self.beats


class ConstantRules(Rules):
    def ready(self, space: bool) -> bool:
        return False

    def valid(self) -> bool:
        return True

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        pass


class WindowRules(Rules):
    def __init__(self, window: Window) -> None:
        self.window = window
        self.row = self.x = self.group = self.j = self.k = 0
        self.a = self.a_completes = self.v = False

    def _at(self) -> tuple[int, int]:
        """Output row of the group, and the writer's row counted from the group's base."""
        frame, i = divmod(self.group, self.window.out_height)
        return i, self.row - (frame * self.window.height + self.window.base(i))

    def ready(self, space: bool) -> bool:
        i, ahead = self._at()
        banks = self.window.banks
        return ahead < banks or (ahead < banks + self.window.advance(i) and self.j > self.x)

    def valid(self) -> bool:
        return self.v

    def _completes(self) -> bool:
        window = self.window
        return any(
            self.k == i * window.steps + o * window.strides[1] + window.first
            for i in range(window.out_height)
            for o in range(window.out_width)
        )

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        window = self.window
        i, ahead = self._at()
        need = window.need(i)
        ce = not self.v or space
        step = ce and (self.j >= window.width or ahead > need or (ahead == need and self.x > self.j))
        if ce:
            self.v = self.a and self.a_completes
            self.a, self.a_completes = step, step and self._completes()
        if step:
            last = i == window.out_height - 1
            self.j, self.k = self.j + 1, self.k + 1
            if self.j == window.steps + last * window.tail:
                self.j, self.group = 0, self.group + 1
                self.k = 0 if last else self.k
        if fire:
            self.row, self.x = (self.row, self.x + 1) if self.x < window.width - 1 else (self.row + 1, 0)


class ResampleRules(Rules):
    def __init__(self, resample: Resample) -> None:
        self.resample = resample
        self.row = self.x = self.group = self.o = 0
        self.v = False

    def _at(self) -> tuple[int, int]:
        frame, i = divmod(self.group, len(self.resample.rows))
        return i, self.row - (frame * self.resample.height + self.resample.rows[i])

    def ready(self, space: bool) -> bool:
        i, ahead = self._at()
        return ahead < 1 or (ahead < 1 + self.resample.advance(i) and self.resample.columns[self.o] > self.x)

    def valid(self) -> bool:
        return self.v

    def clock(self, fire: bool, push: bool, space: bool) -> None:
        _, ahead = self._at()
        ce = not self.v or space
        step = ce and (ahead > 0 or (ahead == 0 and self.x > self.resample.columns[self.o]))
        if ce:
            self.v = step
        if step:
            at_end = self.o == len(self.resample.columns) - 1
            self.o, self.group = (0, self.group + 1) if at_end else (self.o + 1, self.group)
        if fire:
            at_end = self.x == self.resample.width - 1
            self.row, self.x = (self.row + 1, 0) if at_end else (self.row, self.x + 1)
