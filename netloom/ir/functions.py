"""Real functions of one variable that become lookup tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[Any]


@dataclass(frozen=True)
class Function:
    """A real function: its meaning, and what tables need to know about it.

    Attributes:
        apply: vectorised meaning; extra parameters by keyword.
        direction: +1 increasing, -1 decreasing, 0 neither, over the whole domain.
        saturates: input magnitude beyond which the function is constant or linear to 2^-16,
            infinite when it is neither.
        parameters: names and defaults of parameters.
        relative: whether a table needs constant relative accuracy (positive inputs, wide range).
    """

    apply: Callable[..., Real]
    direction: int
    saturates: float
    parameters: Mapping[str, float]
    relative: bool = False


def _erf(x: Real) -> Real:
    from scipy.special import erf

    return np.asarray(erf(x))


def _sigmoid(x: Real) -> Real:
    from scipy.special import expit

    return np.asarray(expit(x))


NONE: Mapping[str, float] = {}

BASE: Mapping[str, Function] = {
    "sigmoid": Function(_sigmoid, 1, 12.0, NONE),
    "tanh": Function(np.tanh, 1, 6.0, NONE),
    "exp": Function(np.exp, 1, math.inf, NONE),
    "exp_negative": Function(lambda x: np.exp(-x), -1, 12.0, NONE),
    "erf": Function(_erf, 1, 4.0, NONE),
    "softplus": Function(lambda x: np.logaddexp(0, x), 1, math.inf, NONE),
    "softsign": Function(lambda x: x / (1 + np.abs(x)), 1, math.inf, NONE),
    "elu": Function(
        lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
        0,
        math.inf,
        {"alpha": 1.0},
    ),
    "selu": Function(
        lambda x, alpha, gamma: gamma * np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
        0,
        math.inf,
        {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    ),
    "gelu": Function(lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))), 0, math.inf, NONE),
    "gelu_tanh": Function(
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        0,
        math.inf,
        NONE,
    ),
    "silu": Function(lambda x: x * _sigmoid(x), 0, math.inf, NONE),
    "mish": Function(lambda x: x * np.tanh(np.logaddexp(0, x)), 0, math.inf, NONE),
    "sign": Function(np.sign, 1, math.inf, NONE),
    "sin": Function(np.sin, 0, math.inf, NONE),
    "cos": Function(np.cos, 0, math.inf, NONE),
    "sqrt": Function(lambda x: np.sqrt(np.maximum(x, 0)), 1, math.inf, NONE, relative=True),
    "log": Function(np.log, 1, math.inf, NONE, relative=True),
    "reciprocal": Function(lambda x: 1.0 / x, 0, math.inf, NONE, relative=True),
    "rsqrt": Function(
        lambda x, epsilon: 1.0 / np.sqrt(np.maximum(x, 0) + epsilon),
        -1,
        math.inf,
        {"epsilon": 0.0},
        relative=True,
    ),
}

NEAR_RECTIFIERS: Mapping[str, float] = {
    "elu": 12.0,
    "gelu": 6.0,
    "gelu_tanh": 6.0,
    "silu": 16.0,
    "mish": 16.0,
    "softplus": 12.0,
}
"""Functions that become max(x, 0) plus a constant, and the magnitude from which on they are."""


def _minus_relu(base: Function) -> Callable[..., Real]:
    return lambda x, **parameters: base.apply(x, **parameters) - np.maximum(x, 0)


RESIDUALS: Mapping[str, Function] = {
    f"{name}_minus_relu": Function(_minus_relu(BASE[name]), 0, reach, BASE[name].parameters)
    for name, reach in NEAR_RECTIFIERS.items()
}
"""What remains of them after max(x, 0): bounded, so a table over a short range is enough."""

FUNCTIONS: Mapping[str, Function] = {**BASE, **RESIDUALS}
"""By name; `exp_negative` and `rsqrt` are what softmax and layer normalisation are lowered to."""
