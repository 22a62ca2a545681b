"""All that is wrong with a file, at once, each thing once, with file, line, key and the way out."""

from __future__ import annotations

import pytest

from tests.experiment.conftest import BASE, Desk

TWENTY = """
scale = "two"
seeed = 1
precision = "fp23"
deterministic = 1
steps = 0
lr = -1
[data]
train = 3
patch_size = 0
batch_sise = 8
workers = "all"
[augment]
flip = "yes"
[generator]
use = "espcn"
chanels = 64
activation = "tanhh"
[[pixel_loss]]
use = "msee"
[[pixel_loss]]
weight = 2
[[pixel_loss]]
use = "l1"
weigth = 2
weight = -1
[feature_loss]
use = "vgg16"
[optimizer]
use = "adam"
betas = [0.9]
clip_norm = inf
[[optimizer.group]]
lr_scale = 0.1
[checkpoint]
every = 2.5
[validation]
metrics = ["psnr-y", "psnr-z"]
"""
EXPECTED = {
    "1 scale": "found the text 'two', expected a whole number >= 1 and <= 16.",
    "2 seeed": "unknown key. Did you mean 'seed'",
    "3 precision": "found the text 'fp23', expected one of 'auto', 'fp32', 'bf16', 'fp16'. Did you mean 'fp32'",
    "4 deterministic": "found 1, expected true or false.",
    "5 steps": "found 0, expected a whole number >= 1.",
    "6 lr": "found -1, expected a number > 0.",
    "8 data.train": 'found 3, expected a component\'s name, or a table with use = "...".',
    "9 data.patch_size": "found 0, expected a whole number >= 1.",
    "10 data.batch_sise": "unknown key. Did you mean 'batch_size'",
    "11 data.workers": "found the text 'all', expected a whole number >= 0 or one of 'auto'.",
    "13 augment.flip": "found the text 'yes', expected true or false. Write true, without quotes.",
    "16 generator.chanels": "generator 'espcn' has no option 'chanels'. Did you mean 'channels'?",
    "17 generator.activation": "found the text 'tanhh', expected ",
    "19 pixel_loss.msee.use": "no pixel_loss 'msee'. Searched the ",
    "20 pixel_loss.2": "'use' is missing; it names the component.",
    "24 pixel_loss.l1.weigth": "pixel_loss 'l1' has no option 'weigth'. ",
    "25 pixel_loss.l1.weight": "found -1, expected a number >= 0.",
    "26 feature_loss": "found a table, expected an array of tables. Write [[feature_loss]], not [feature_loss].",
    "30 optimizer.betas": "found [0.9], expected a list of 2: ",
    "31 optimizer.clip_norm": "found inf, expected a finite number.",
    "32 optimizer.group.1": "'match' is missing; it names parameters",
    "35 checkpoint.every": "found 2.5, expected a whole number >= 1.",
    "37 validation.metrics.psnr-z": "no metric 'psnr-z'. Searched the ",
}


def test_twenty_different_mistakes_at_once(desk: Desk) -> None:
    problems = desk.problems(TWENTY)
    found = {f"{one.line} {one.key}": f"{one.message} {one.hint}".strip() for one in problems}
    assert len(found) == len(problems), "one of them twice"
    assert {where.replace(".use", "") for where in found} == {where.replace(".use", "") for where in EXPECTED}
    for where, said in EXPECTED.items():
        shown = found.get(where) or found.get(f"{where}.use") or found[where.removesuffix(".use")]
        assert shown.startswith(said), where
    assert all(one.file.endswith("x.toml") for one in problems)


def test_an_empty_file_says_what_is_missing_and_what_to_write(desk: Desk) -> None:
    assert desk.said("# nothing\n") == [
        "x.toml: 'scale' is missing; write scale = 2.",
        "x.toml: 'data' is missing; write [data] and train = \"a/folder/of/photos\".",
        "x.toml: 'generator' is missing; write [generator] and use = \"espcn\".",
        'x.toml: there is no loss: nothing to learn. Add [[pixel_loss]] with use = "mse".',
        "x.toml: how long to train is missing. Write steps = 2000 at the top, or [[stage]] tables.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("scale = 2", "scal = 2", "x.toml:1 scal: unknown key. Did you mean 'scale'?"),
        ("[generator]", "[generater]", "x.toml:6 generater: unknown key. Did you mean 'generator'?"),
        ("[[pixel_loss]]", "[[pixel_losses]]", "x.toml:8 pixel_losses: unknown key. Did you mean 'pixel_loss'?"),
        ("steps = 100", "step = 100", "x.toml:2 step: unknown key. Did you mean 'steps' or "),
        ("train =", "trian =", "x.toml:4 data.trian: unknown key. Did you mean 'train'?"),
        (
            'use = "espcn"',
            'uses = "espcn"',
            "x.toml:6 generator: 'use' is missing; it names the component. Is it meant by 'uses'?",
        ),
        ('use = "espcn"', "use = 3", "x.toml:7 generator.use: found 3, expected text."),
        ('use = "mse"', 'use = "dilated"', "x.toml:9 pixel_loss.dilated.use: no pixel_loss 'dilated'. "),
        (
            'use = "mse"',
            'use = "mse"\nreduction = "sum"',
            "x.toml:10 pixel_loss.mse.reduction: pixel_loss 'mse' has no option 'reduction'. ",
        ),
    ],
)
def test_one_mistake_is_one_problem(old: str, new: str, said: str, desk: Desk) -> None:
    assert old in BASE
    found = desk.said(BASE.replace(old, new))
    assert found[0].startswith(said), found
    assert len(found) == 1, found


def test_tables_that_are_no_tables(desk: Desk) -> None:
    text = BASE.replace(
        "steps = 100", 'steps = 100\nema = 3\nlog = "x"\nstage = [1]\ndiscriminator = 5\nlr = "fast"\nextra = 1'
    )
    found = desk.said(text)
    keys = [one.split()[1].rstrip(":") for one in found]
    assert sorted(keys) == ["discriminator", "discriminator", "ema", "extra", "log", "lr", "stage.1"], found


def test_not_toml_has_its_line(desk: Desk) -> None:
    assert desk.said("scale = 2\n\nscale = 3\n")[0] == "x.toml:3: not TOML: this was already set above: scale = 3"
    assert desk.said("[data]\n[data]\n")[0] == "x.toml:2: not TOML: this was already set above: [data]"
    assert desk.said("# x\nscale = = 3\n")[0].startswith("x.toml:2: not TOML: ")


def test_a_required_option_is_asked_for_with_its_sentence(desk: Desk) -> None:
    desk.write(
        'class Net:\n    """N.\n\n    Args:\n        width: how wide it is.\n    """\n    def '
        "__init__(self, scale: int, width: int) -> None: ...\n",
        "net.py",
    )
    assert desk.said(BASE.replace('"espcn"', '"./net.py:Net"')) == [
        "x.toml:6 generator: option 'width' of 'Net' is missing. how wide it is."
    ]


def test_a_broken_component_is_one_problem_among_others(desk: Desk) -> None:
    desk.write("import absent_module\n", "net.py")
    found = desk.said(BASE.replace('"espcn"', '"./net.py:Net"').replace('"mse"', '"mze"'))
    assert len(found) == 2
    assert found[0].startswith("x.toml:7 generator.use: generator ./net.py:Net: ModuleNotFoundError: No module named")
    assert "x.toml:9 pixel_loss.mze.use: no pixel_loss 'mze'." in found[1]


# --- nested components ------------------------------------------------------------------------------------------------

NESTED = '''
from torch import nn
from srkit.contracts import Block, Factory

class Same(nn.Module):
    """Keeps what it gets."""
    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.size = channels, kernel

class Net(nn.Module):
    """Nests."""
    def __init__(self, scale: int, block: Factory[Block], more: list[Factory[Block]] | None = None,
                 tail: Factory[Block] | None = None, default: Factory[Block] = {"use": "./net.py:Same", "kernel": 9}) -> None:
        super().__init__()
        self.block = block(channels=4)
        self.more = [one(channels=5) for one in more or []]
        self.tail = tail
        self.default = default(channels=6)
'''
NESTS = BASE.replace('use = "espcn"', 'use = "./net.py:Net"\n{}')


def test_nested_components_are_built_by_their_parent(desk: Desk) -> None:
    desk.write(NESTED, "net.py")
    block = (
        'block = { use = "./net.py:Same", kernel = 5 }\nmore = ["./net.py:Same", { use = "./net.py:Same", kernel = 7 }]'
    )
    pick = desk.sound(NESTS.format(block)).picks[("generator",)]
    net = pick.build(scale=2)
    assert net.block.size == (4, 5)
    assert [one.size for one in net.more] == [(5, 3), (5, 7)]
    assert net.tail is None and net.default.size == (6, 9)
    assert len(list(pick.walk())) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "x.toml:6 generator: option 'block' of 'Net' is missing."),
        (
            "block = 3",
            'x.toml:8 generator.block: found 3, expected a block. For example block = { use = "..." }; '
            "`srkit list blocks` shows all.",
        ),
        ("block = { kernel = 3 }", "x.toml:8 generator.block: found a table, expected a block."),
        ('block = "nothing"', "x.toml:8 generator.block.use: no block 'nothing'."),
        (
            'block = { use = "./net.py:Same", kernl = 3 }',
            "x.toml:8 generator.block.kernl: block 'Same' has no option 'kernl'. Did you mean 'kernel'?",
        ),
        (
            'block = { use = "./net.py:Same", kernel = "x" }',
            "x.toml:8 generator.block.kernel: found the text 'x', expected a whole number.",
        ),
        (
            'block = "./net.py:Same"\nmore = "./net.py:Same"',
            "x.toml:9 generator.more: found the text './net.py:Same', expected a list of blocks.",
        ),
        (
            'block = "./net.py:Same"\nmore = [\n"./net.py:Same",\n{ use = "./net.py:Sam" }]',
            "x.toml:11 generator.more.Sam.use: ./net.py:Sam: net.py has no 'Sam'. Did you mean 'Same'?",
        ),
    ],
)
def test_problems_inside_nested_components(options: str, said: str, desk: Desk) -> None:
    desk.write(NESTED, "net.py")
    (found,) = desk.said(NESTS.format(options))
    assert found.startswith(said)


def test_settings_reach_into_nested_components(desk: Desk) -> None:
    desk.write(NESTED, "net.py")
    desk.write(NESTS.format('block = "./net.py:Same"\nmore = ["./net.py:Same"]'))
    net = (
        desk.sound("", "generator.block.kernel=5", "generator.more.Same.kernel=7").picks[("generator",)].build(scale=2)
    )
    assert (net.block.size, net.more[0].size) == ((4, 5), (5, 7))
    assert desk.said("", "generator.block.use=nothing")[0].startswith("--set generator.block.use: no block 'nothing'.")


SHARING = """
from srkit.contracts import Factory, FeatureLoss

class Inner:
    def __init__(self, shared: object = None) -> None:
        self.shared = shared

    def __call__(self, sr, hr): ...

class Outer:
    def __init__(self, inner: Factory[FeatureLoss]) -> None:
        self.inner = inner()

    def __call__(self, sr, hr): ...
"""


def test_what_is_shared_reaches_nested_components(desk: Desk) -> None:
    desk.write(SHARING, "loss.py")
    text = BASE.replace('"mse"', '"./loss.py:Outer"\ninner = "./loss.py:Inner"')
    assert desk.sound(text).picks[("pixel_loss", 0)].build(shared="S").inner.shared == "S"
