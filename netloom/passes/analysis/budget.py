"""One option for each of several choices, the cheapest together within a budget: an exact knapsack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNREACHABLE = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Price:
    """What an option takes of the budget, and what it costs besides."""

    spent: int
    cost: int


def cheapest(choices: Sequence[Sequence[Price]], budget: int) -> list[int] | None:
    """The index of an option for each choice: least cost, then least spent, then the first.

    With the same options a larger budget never costs more.

    Args:
        choices: at least one option for each.
        budget: what all of them may spend together; not negative.

    Returns:
        The indices, or None when no combination is within the budget.
    """
    most = sum(max(price.spent for price in options) for options in choices)
    size = min(budget, most) + 1
    # least[b]: cost and spending of the choices so far when they spend b exactly.
    least = np.full(size, UNREACHABLE, dtype=np.int64)
    least[0] = 0
    taken: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for options in choices:
        after, index = np.full(size, UNREACHABLE, dtype=np.int64), np.full(size, -1, dtype=np.int64)
        for number, price in enumerate(options):
            if price.spent >= size:
                continue
            reached = np.minimum(least[: size - price.spent] + price.cost, UNREACHABLE)
            better = reached < after[price.spent :]
            after[price.spent :][better] = reached[better]
            index[price.spent :][better] = number
        least = after
        taken.append(index)
    place = int(np.argmin(least))
    if least[place] == UNREACHABLE:
        return None
    found: list[int] = []
    for options, index in zip(reversed(choices), reversed(taken), strict=True):
        found.append(int(index[place]))
        place -= options[found[-1]].spent
    return found[::-1]
