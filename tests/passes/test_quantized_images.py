"""Random quantized convolutional networks: what is compiled equals what QONNX computes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.ir.interpreter import run
from netloom.sim.emulator import Emulator
from tests.passes.quantized_images import random_cnn, random_images
from tests.passes.quantized_models import compiled, imported, reference
from tests.passes.test_quantized_models import is_fixed_throughout

seeds = st.integers(0, 2**32 - 2)


def outputs(module: Any, x: Any) -> Any:
    return run(module, [x[:, None]], np.float64)[0].reshape(len(x), -1)


@given(seeds)
@settings(max_examples=25)
def test_with_power_of_two_scales_equals_the_qonnx_executor(seed: int) -> None:
    model = random_cnn(seed, exact=True)
    x = random_images(seed, model)
    module = imported(model)
    done = compiled(module, samples=[x[:, None]])
    assert is_fixed_throughout(done)
    assert np.array_equal(outputs(done, x), outputs(module, x))
    assert np.array_equal(outputs(done, x), reference(model, {"x": x}))
    assert np.array_equal(Emulator(done).run([x[:, None]])[0].reshape(len(x), -1), outputs(done, x))


@given(seeds)
@settings(max_examples=25)
def test_with_other_scales_has_the_levels_of_the_model_in_float64(seed: int) -> None:
    model = random_cnn(seed, exact=False)
    x = random_images(seed, model)
    module = imported(model)
    done = compiled(module, samples=[x[:, None]])
    assert is_fixed_throughout(done)
    # One level is at least 0.03 * 0.03 in the output; float64 rounding is 1e-15 of it.
    assert np.allclose(outputs(done, x), outputs(module, x), rtol=0, atol=1e-9)
    assert np.array_equal(Emulator(done).run([x[:, None]])[0].reshape(len(x), -1), outputs(done, x))


@given(seeds)
@settings(max_examples=5)
def test_layers_of_every_strategy_mean_the_same(seed: int) -> None:
    model = random_cnn(seed, exact=True)
    x = random_images(seed, model)
    done = compiled(compiled(imported(model)), "transposes-to-host", samples=[x[:, None]])
    for strategy in ("adder_graph", "latency", "resource"):
        lowered = compiled(done, f"lower-windows,lower-dense{{strategy={strategy}}}", samples=[x[:, None]])
        assert np.array_equal(outputs(lowered, x), outputs(done, x))
