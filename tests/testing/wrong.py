"""Components that break one rule each; (kind, name, rule) of all of them stands in `WRONG`."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import Claims, Draws, Views
from srkit.errors import OptionError

WRONG: list[tuple[str, str, str]] = []


def breaks(kind: str, rule: str) -> Callable[[Any], Any]:
    """Note a component and the rule that it breaks."""

    def note(factory: Any) -> Any:
        WRONG.append((kind, factory.__name__, rule))
        return factory

    return note


class Enlarging(nn.Module):
    """What the wrong generators have right."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        return self.layers(lr)


@breaks("generators", "signature")
class Starred(Enlarging):
    """Takes anything."""

    def __init__(self, scale: int, **options: Any) -> None:
        super().__init__(scale)


@breaks("generators", "documented")
class Silent(Enlarging):
    """Says nothing of its option."""

    def __init__(self, scale: int, width: int = 4) -> None:
        super().__init__(scale)


@breaks("generators", "defaults")
class Misfit(Enlarging):
    """Has a default that nobody could write.

    Args:
        mode: how.
    """

    def __init__(self, scale: int, mode: Literal["fast", "slow"] = "medium") -> None:  # type: ignore[assignment]  # the fault
        super().__init__(scale)


@breaks("generators", "claims")
class Misspelt(Enlarging):
    """Excuses what there is not."""

    claims = Claims(excused={"odd-size": "it was meant to be odd-sizes"})


@breaks("blocks", "builds")
class Modest:
    """Is no module."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def __call__(self, x: Tensor) -> Tensor:
        return x


@breaks("generators", "builds")
class Seeding(Enlarging):
    """Seeds Python's stream when it is built."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        random.seed(scale)


@breaks("generators", "runs")
class Undefined(Enlarging):
    """Gives NaN."""

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr) * float("nan")


@breaks("generators", "shape")
class Small(Enlarging):
    """Forgets to enlarge."""

    def forward(self, lr: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(lr), self.scale)


@breaks("generators", "odd-sizes")
class Halving(Enlarging):
    """Halves and doubles, and so loses a pixel of what is odd."""

    def forward(self, lr: Tensor) -> Tensor:
        return F.interpolate(super().forward(F.avg_pool2d(lr, 2)), scale_factor=2)


@breaks("generators", "scales")
class OnlyTwo(Enlarging):
    """Can do scale 2 and says nothing of that."""

    def __init__(self, scale: int) -> None:
        if scale != 2:
            raise ValueError("only 2")
        super().__init__(scale)


@breaks("generators", "dtype")
class Double(Enlarging):
    """Computes in double precision."""

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr).double()


@breaks("generators", "gradients")
class Unused(Enlarging):
    """Has a layer that it does not use."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.spare = nn.Conv2d(3, 3, 3)


@breaks("generators", "input-gradient")
class Deaf(Enlarging):
    """Cuts its input off."""

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr.detach())


@breaks("generators", "deterministic")
class Serial(Enlarging):
    """Each one built is a little other than the last."""

    made = count()

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.register_buffer("number", torch.tensor(float(next(self.made))))

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr) + self.number


@breaks("generators", "stateless")
class Remembering(Enlarging):
    """Adds what it saw last."""

    last: Tensor | float = 0.0

    def forward(self, lr: Tensor) -> Tensor:
        sr = super().forward(lr) + self.last
        self.last = lr.detach().mean()
        return sr


@breaks("generators", "random-streams")
class AlwaysDropping(Enlarging):
    """Drops values in evaluation too."""

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(F.dropout(lr, 0.1, True))


@breaks("generators", "settings")
class Meddling(Enlarging):
    """Sets the precision of matrix products for everyone, to the same value each time."""

    def forward(self, lr: Tensor) -> Tensor:
        torch.set_float32_matmul_precision("medium")
        return super().forward(lr)


@breaks("pixel_losses", "random-streams")
def reseeding() -> Any:
    """Seeds Python's stream at each call, to the same value each time."""

    def loss(sr: Tensor, hr: Tensor) -> Tensor:
        random.seed(1)
        return (sr - hr).abs().mean()

    return loss


@breaks("generators", "inputs")
class Scribbling(Enlarging):
    """Writes into its input."""

    def forward(self, lr: Tensor) -> Tensor:
        if not lr.requires_grad:
            lr.mul_(0.5)
        return super().forward(lr)


@breaks("blocks", "inputs")
class Clamping(nn.Module):
    """Writes into its input, though nothing else than was there before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x.clamp_(-10, 10)
        return x + self.layer(x)


@breaks("pixel_losses", "inputs")
class ClampingLoss(nn.Module):
    """Writes into the generator's picture, though nothing else than was there before."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return (sr.clamp_(-10, 10) - hr).abs().mean()


@breaks("generators", "channels-last")
class Viewing(Enlarging):
    """Takes its values for contiguous."""

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr.view(len(lr), -1).view(lr.shape))


@breaks("generators", "bf16")
class Assuming(Enlarging):
    """Takes for float32 what autocast has made shorter."""

    def forward(self, lr: Tensor) -> Tensor:
        sr = super().forward(lr)
        places = torch.arange(3).view(1, 3, 1, 1).expand(sr.shape)
        return torch.zeros(sr.shape).scatter(1, places, sr)


@breaks("generators", "saved")
class Forgetful(Enlarging):
    """Holds a weight in a plain attribute."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.gain = torch.rand(3, 1, 1) + 1

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr) * self.gain


@breaks("generators", "eval-mode")
class Counting(Enlarging):
    """Counts its calls in evaluation too."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, lr: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(lr)


@breaks("generators", "border")
class Global(Enlarging):
    """Sees the whole picture and claims to see 3 pixels."""

    claims = Claims(border=3)

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr) + lr.mean()


@breaks("generators", "torchscript")
class Frozen(Enlarging):
    """Has its size become a constant when it is traced."""

    claims = Claims(exports=("torchscript",))

    def forward(self, lr: Tensor) -> Tensor:
        side = int(lr.shape[-1])
        return super().forward(lr) * (1 + side / 100)


@breaks("generators", "onnx")
class Constant(Frozen):
    """The same in ONNX."""

    claims = Claims(exports=("onnx",))


@breaks("blocks", "shape")
class Doubling(nn.Module):
    """Makes twice as many channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@breaks("blocks", "channels")
class OnlyFour(nn.Module):
    """Has groups of 4 channels and breaks with any other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 8 == 0:
            raise ValueError("no")
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@breaks("discriminators", "shape")
class Flat(nn.Module):
    """Gives logits without a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image)[:, 0]


@breaks("pixel_losses", "scalar")
def map_of_errors() -> Any:
    """Gives an error a pixel."""
    return lambda sr, hr: (sr - hr).abs()


@breaks("pixel_losses", "gradients")
def detached() -> Any:
    """Compares what has no graph."""
    return lambda sr, hr: (sr.detach() - hr).abs().mean() + 0 * sr.sum()


@breaks("pixel_losses", "equal-pictures")
def root() -> Any:
    """Takes the square root of nothing."""
    return lambda sr, hr: (sr - hr).square().sum(1).sqrt().mean()


@breaks("pixel_losses", "batch-mean")
def summed() -> Any:
    """Sums over the batch."""
    return lambda sr, hr: (sr - hr).abs().sum()


@breaks("pixel_losses", "own-weights")
class Sparing(nn.Module):
    """Has a weight that it does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return (sr - hr).abs().mean()


class Playing:
    """What the wrong adversarial losses have right."""

    def generator_term(self, views: Views) -> Tensor:
        assert views.discriminator is not None
        return F.softplus(-views.discriminator(views.sr).logits[0]).mean()

    def discriminator_term(self, views: Views) -> Tensor:
        assert views.discriminator is not None
        real, fake = (views.discriminator(image).logits[0] for image in (views.hr, views.sr))
        return F.softplus(-real).mean() + F.softplus(fake).mean()


@breaks("adversarial_losses", "gradients")
class Untaught(Playing):
    """Its generator's term has no gradient."""

    def generator_term(self, views: Views) -> Tensor:
        with torch.no_grad():
            return super().generator_term(views)


@breaks("adversarial_losses", "discriminator-gradients")
class Frozenly(Playing):
    """Its discriminator's term has no gradient."""

    def discriminator_term(self, views: Views) -> Tensor:
        return super().discriminator_term(views).detach()


class Shrinking:
    """What the wrong downscalers have right."""

    works_on: str = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr: Tensor) -> Tensor:
        return F.avg_pool2d(hr, self.scale)


@breaks("downscalers", "works-on")
class Nowhere(Shrinking):
    """Works nowhere."""

    works_on = "picture"


@breaks("downscalers", "odd-sizes")
class Rounding(Shrinking):
    """Rounds sizes up."""

    def __call__(self, hr: Tensor) -> Tensor:
        return F.avg_pool2d(hr, self.scale, ceil_mode=True)


@breaks("generators", "functions")
class Patching(Enlarging):
    """Replaces a function that everything calls."""

    def forward(self, lr: Tensor) -> Tensor:
        F.gelu = lambda x: x  # type: ignore[assignment]  # the fault
        return super().forward(lr)


@breaks("generators", "settings")
class Moving(Enlarging):
    """Goes to another folder."""

    def forward(self, lr: Tensor) -> Tensor:
        os.chdir("/")
        return super().forward(lr)


@breaks("downscalers", "gradients")
class Detached(Shrinking):
    """Lets no gradient through."""

    def __call__(self, hr: Tensor) -> Tensor:
        return F.avg_pool2d(hr.detach(), self.scale)


@breaks("pixel_losses", "downscale")
class ShrinksInSilence(nn.Module):
    """Learns through the downscaler and does not say so."""

    def forward(self, views: Views) -> Tensor:
        assert views.downscale is not None
        return (views.downscale(views.sr) - views.lr).abs().mean()


@breaks("downscalers", "scales")
class Always2(Shrinking):
    """Shrinks by 2 whatever it is asked."""

    def __call__(self, hr: Tensor) -> Tensor:
        return F.avg_pool2d(hr, 2)


@breaks("downscalers", "grey")
class Darkening(Shrinking):
    """Has weights that sum to less than 1."""

    def __call__(self, hr: Tensor) -> Tensor:
        return super().__call__(hr) * 0.9


@breaks("downscalers", "range")
class Levels(Shrinking):
    """Gives levels from 0 to 255."""

    def __call__(self, hr: Tensor) -> Tensor:
        return super().__call__(hr) * 255


@breaks("downscalers", "pickles")
class Holding(Shrinking):
    """Holds a lambda."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.pool = lambda hr: F.avg_pool2d(hr, scale)

    def __call__(self, hr: Tensor) -> Tensor:
        return self.pool(hr)


@breaks("degradations", "random-streams")
class Noisy:
    """Draws noise from torch's global stream."""

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        return batch + 0.01 * torch.randn_like(batch)


@breaks("degradations", "draws")
class Peeking:
    """Goes by the seed of torch's global stream, without drawing from it."""

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        return batch * (1 - 0.01 * (torch.initial_seed() % 7))


@breaks("degradations", "apart")
class Mixing:
    """Takes the mean of the batch."""

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        return batch + 0.1 * batch.mean()


@breaks("lr_pipelines", "shape")
class Idle:
    """Does not shrink."""

    def __init__(self, scale: int) -> None:
        if scale not in (2, 4):
            raise OptionError("scale", "2 or 4.")

    def __call__(self, hr: Tensor, draws: Draws) -> Tensor:
        return hr


class Pictures:
    """What the wrong data sets have right."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((8, 8, 3), index, np.uint8)

    def name(self, index: int) -> str:
        return str(index)


@breaks("datasets", "pictures")
class Floats(Pictures):
    """Gives floats."""

    def __getitem__(self, index: int) -> np.ndarray:
        return super().__getitem__(index) / 255


@breaks("datasets", "repeatable")
class Fresh(Pictures):
    """Cuts another piece each time."""

    calls = count()

    def __getitem__(self, index: int) -> np.ndarray:
        return super().__getitem__(next(self.calls))


@breaks("datasets", "names")
class Nameless(Pictures):
    """Has no names."""

    def name(self, index: int) -> str:
        return ""


class Measuring:
    """What the wrong metrics have right."""

    unit = "dB"
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        return -(sr - hr).square().mean((1, 2, 3))


@breaks("metrics", "named")
class Unitless(Measuring):
    """Has no unit."""

    unit = None  # type: ignore[assignment]  # the fault


@breaks("metrics", "numbers")
class OneForAll(Measuring):
    """Gives one number for the batch."""

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        return super().__call__(sr, hr).mean()


@breaks("metrics", "direction")
class UpsideDown(Measuring):
    """Says that lower is better."""

    higher_is_better = False


@breaks("optimizers", "descends")
def upwards(parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Climbs."""
    return torch.optim.SGD(parameters, maximize=True)


@breaks("optimizers", "rates")
def stubborn(parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Has a rate of its own."""
    return torch.optim.SGD([{**group, "lr": 0.01} for group in parameters])


@breaks("schedules", "factors")
class Negative:
    """Falls below nothing."""

    def factor(self, step: int) -> float:
        return 1 - step / 50


@breaks("schedules", "history")
class Chained:
    """Multiplies each time it is asked."""

    value = 1.0

    def factor(self, step: int) -> float:
        self.value *= 0.99
        return self.value


@breaks("schedules", "resumes")
class Amnesiac:
    """Observes, and saves nothing."""

    seen = 0

    def factor(self, step: int) -> float:
        return 1 / (1 + self.seen)

    def observe(self, value: float, higher_is_better: bool) -> None:
        self.seen += 1

    def state_dict(self) -> dict[str, int]:
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        pass


@breaks("launchers", "states")
class Vague:
    """Knows a state of its own."""

    def submit(self, job: Any) -> str:
        return "1"

    def state(self, job: str) -> str:
        return "perhaps"

    def cancel(self, job: str) -> None:
        pass


@breaks("launchers", "executes")
class Boastful(Vague):
    """Says that all is done, and does nothing."""

    def state(self, job: str) -> str:
        return "done" if job == "1" else "lost"


@breaks("launchers", "failures")
class Rosy(Boastful):
    """Executes, and does not look at the exit code."""

    def submit(self, job: Any) -> str:
        with job.log.open("ab") as log:
            subprocess.run([sys.executable, "-m", "srkit", *job.arguments], stdout=log, stderr=log, check=False)
        return "1"
