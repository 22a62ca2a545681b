"""Parts are built and tried without torch's compiler, and what asks for it gets it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import torch
from srkit.uncompiled import COMPILER, SHAPES, SYMBOLS, compiler_left_out

with compiler_left_out():
    with torch.device("meta"):
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.LeakyReLU(0.2, True), torch.nn.PixelShuffle(2))
        assert network(torch.zeros(1, 3, 9, 9)).shape == (1, 2, 14, 14)
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([{"params": [weight], "lr": 0.1}])
    weight.grad = torch.ones(2)
    optimizer.step()
    assert not any(name.startswith(("torch._dynamo.", "sympy.")) for name in sys.modules)
assert not {COMPILER, SHAPES, SYMBOLS} & set(sys.modules)

with compiler_left_out():
    import sympy
    assert sympy.sqrt(4) == 2  # the real one
    torch._dynamo.reset()
assert sys.modules[COMPILER] is torch._dynamo and torch._dynamo.__file__
assert optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]}) is None
assert torch.optim.Optimizer.add_param_group.__wrapped__.__dynamo_disable is not None
with compiler_left_out():
    assert sys.modules[COMPILER] is torch._dynamo
"""


def test_nothing_of_the_compiler_is_imported_and_the_real_one_comes_when_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
