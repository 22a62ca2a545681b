"""The commands that read each kind of input, and what each may end with."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.trust.table.rows import Given

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True)
class Command:
    """A command, or a call out of Python, that is given a hostile input.

    Attributes:
        words: its arguments; `{input}` stands for what was handed over, `{out}` for a folder of results. Of a call the
            one expression.
        is_call: whether it is a call out of Python.
        codes: what it may end with.
        takes_settings: whether it takes `--set`.
    """

    words: tuple[str, ...]
    is_call: bool = False
    codes: tuple[int, ...] = (2,)
    takes_settings: bool = field(default=False)

    @property
    def name(self) -> str:
        """What a row calls it."""
        if self.is_call:
            return self.words[0].partition("(")[0]
        return " ".join(one for one in self.words if one[0] != "{" and "{" not in one and one not in _NO_NAME)

    def filled(self, given: Given, out: str) -> tuple[str, ...]:
        """Its arguments for an input."""
        if self.is_call:
            return (self.words[0].replace("{input}", given.input).replace("{out}", out),)
        words = [one.replace("{input}", given.input).replace("{out}", out) for one in self.words]
        return (*words, *(word for one in given.settings for word in ("--set", one)))


_NO_NAME = ("--out", "--device", "cpu", "--model", "photos", "--scale", "2", "--overwrite", "--quiet", "bicubic")


def _line(text: str, *codes: int, settings: bool = False) -> Command:
    return Command(tuple(text.split(" ")), codes=codes or (2,), takes_settings=settings)


def _call(text: str, *codes: int) -> Command:
    return Command((text,), is_call=True, codes=codes or (2,))


_EXPERIMENT = (
    _line("run {input} --out {out}/run --device cpu --quiet", settings=True),
    _line("run {input} --dry-run --device cpu", settings=True),
    _line("check {input}", settings=True),
    _line("check {input} --json", settings=True),
    _line("inspect {input} --device cpu"),
    _line("data {input} --out {out}/sheet.png --device cpu", settings=True),
    _call("srkit.run(r'{input}', out=r'{out}/run', device='cpu', quiet=True)"),
)

_RUN = (
    _line("check {input}"),
    _line("inspect {input} --device cpu"),
    _line("data {input} --out {out}/sheet.png --device cpu"),
    _line("run {input} --out {out}/run --device cpu --quiet"),
    _line("run {input} --resume --device cpu --quiet"),
    _line("upscale photos --model {input} --out {out}/large --device cpu"),
    _line("bench {input} --device cpu"),
    _line("strip {input} --out {out}/strips --device cpu"),
    _line("animate bicubic {input} --out {out}/animations --device cpu"),
    _line("export {input} --out {out}/model.safetensors"),
    _line("report {input} --out {out}/page.html --device cpu", 0),
    _line("table {input}", 0),
    _line("curves {input} --out {out}/curves.png", 0),
    _line("verify {input}", 0),
    _line("verify {input} --rescore"),
    _call("srkit.load(r'{input}')"),
    _call("srkit.bench(r'{input}', device='cpu')"),
    _call("srkit.run(r'{input}', out=r'{out}/run', device='cpu', quiet=True)"),
)

_STUDY = (
    _line("run {input} --resume --device cpu --quiet"),
    _line("table {input}", 0),
    _line("report {input} --out {out}/page.html --device cpu", 0),
    _line("curves {input}/seed1 --out {out}/curves.png", 0),
    _line("verify {input}/seed1", 0),
    _line("bench {input}/seed1 --device cpu"),
    _line("check {input}/seed1"),
)

_MODEL = (
    _line("upscale photos --model {input} --out {out}/large --device cpu"),
    _line("bench {input} --on photos --device cpu"),
    _line("strip {input} --on photos --out {out}/strips --device cpu"),
    _line("animate bicubic {input} --on photos --out {out}/animations --device cpu"),
    _line("report runs/plain --on photos --out {out}/page.html --device cpu", 0),
    _line("import {input} --out {out}/imported"),
    _line("export {input} --out {out}/model.safetensors"),
    _line("inspect {input} --device cpu"),
    _line("check tiny.toml --set init={input}"),
    _line("run tiny.toml --set init={input} --out {out}/run --device cpu --quiet"),
    _call("srkit.load(r'{input}')"),
    _call("srkit.bench(r'{input}', on='photos', device='cpu')"),
)

_IMAGES = (
    _line("check tiny.toml --set data.train={input}"),
    _line("data tiny.toml --set data.train={input} --out {out}/sheet.png --device cpu"),
    _line("run tiny.toml --set data.train={input} --out {out}/run --device cpu --quiet"),
    _line("prepare {input} --out {out}/patches --patch-size 16 --workers 1"),
    _line("upscale {input} --model runs/plain --out {out}/large --device cpu"),
    _line("bench bicubic --scale 2 --on {input} --per-image --device cpu"),
    _line("bench bicubic --scale 2 --on {input} --per-image --device cpu --format csv"),
    _line("strip bicubic --scale 2 --on {input} --out {out}/strips --device cpu"),
    _line("animate original bicubic --scale 2 --on {input} --out {out}/animations --device cpu"),
    _line("report runs/plain --on {input} --out {out}/page.html --device cpu"),
)

_TYPED = (
    _line("plugin check {input} --kind generators"),
    _line("prepare photos --out {out}/patches --patch-size 16 --workers 1 --downscaler {input}"),
    _line("bench bicubic --on photos --scale 2 --downscaler {input}"),
    _line("bench bicubic --on photos --scale 2 --degradation {input}"),
    _line("bench bicubic --on photos --scale 2 --metric {input}"),
    _line("bench {input} --on photos --scale 2"),
    _line("strip bicubic --on photos --scale 2 --degradation {input} --out {out}/strips"),
    _line("animate bicubic lanczos --on photos --scale 2 --downscaler {input} --out {out}/animations"),
    _line("upscale photos --model {input} --out {out}/large --device cpu"),
    _line("run tiny.toml --set generator.use={input} --out {out}/run --device cpu --quiet"),
    _call("srkit.load(r'{input}')"),
    _line("show generators {input}", 0, 2),
    _line("show generators {input} --json", 0, 2),
)

_SUITE = (
    _line("bench bicubic --suite {input} --device cpu"),
    _line("strip bicubic --suite {input} --out {out}/strips --device cpu"),
    _line("animate bicubic lanczos --suite {input} --out {out}/animations --device cpu"),
    _call("srkit.bench('bicubic', suite=r'{input}', device='cpu')"),
)

COMMANDS = {
    "experiment": _EXPERIMENT,
    "run": _RUN,
    "study": _STUDY,
    "model": _MODEL,
    "images": _IMAGES,
    "typed": _TYPED,
    "suite": _SUITE,
}
"""A kind of input -> the commands that read it."""
