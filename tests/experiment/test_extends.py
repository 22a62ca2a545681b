"""A file laid over another: tables merge, arrays replace, a new `use` forgets the old one's options."""

from __future__ import annotations

from srkit.errors import UserError
from tests.experiment.conftest import BASE, Desk


def test_tables_merge_and_arrays_replace(desk: Desk) -> None:
    desk.write(BASE + '[[pixel_loss]]\nuse = "l1"\n[log]\nevery = 7\n', "base.toml")
    plan = desk.sound('extends = "base.toml"\nseed = 9\n[log]\ntensorboard = false\n[[pixel_loss]]\nuse = "huber"\n')
    experiment = plan.experiment
    assert (experiment.scale, experiment.seed, experiment.log.every, experiment.log.tensorboard) == (2, 9, 7, False)
    assert [one.use for one in experiment.pixel_loss] == ["huber"]


def test_the_same_component_keeps_its_options(desk: Desk) -> None:
    desk.write(BASE.replace('"espcn"', '"espcn"\nchannels = 32'), "base.toml")
    for table in ('activation = "tanh"', 'use = "espcn"\nactivation = "tanh"'):
        plan = desk.sound(f'extends = "base.toml"\n[generator]\n{table}\n')
        assert plan.picks[("generator",)].options == {"channels": 32, "activation": "tanh"}


def test_another_component_drops_them(desk: Desk) -> None:
    base = BASE.replace('"espcn"', '"espcn"\nchannels = 32')
    desk.write(base + "[optimizer]\nbetas = [0.8, 0.9]\nlr = 2e-3\naccumulation = 2\n", "base.toml")
    plan = desk.plan('extends = "base.toml"\n[generator]\nuse = "bicubic"\n[optimizer]\nuse = "sgd"\nmomentum = 0.5\n')
    assert plan.picks[("generator",)].options == {}
    # adam was the optimizer by default: its options go as well, what belongs to the table stays
    assert plan.picks[("optimizer",)].options == {"momentum": 0.5}
    assert (plan.experiment.optimizer.lr, plan.experiment.optimizer.accumulation) == (2e-3, 2)
    assert not plan.problems


def test_short_forms_merge_like_tables(desk: Desk) -> None:
    desk.write(
        BASE.replace('[generator]\nuse = "espcn"', "").replace("steps", 'generator = "espcn"\nsteps'), "base.toml"
    )
    plan = desk.sound('extends = "base.toml"\n[generator]\nchannels = 8\n')
    assert plan.picks[("generator",)].options == {"channels": 8}
    plan = desk.sound('extends = "base.toml"\n[data]\ntrain = "others"\n')
    assert plan.picks[("data", "train")].options == {"path": desk.folder / "others"}


def test_paths_are_relative_to_the_file_they_are_written_in(desk: Desk) -> None:
    desk.write(BASE + '[validation]\nphotos = "real"\n', "sub/base.toml")
    plan = desk.sound('extends = "sub/base.toml"\n[data]\nvalidate = "mine"\n')
    assert plan.picks[("data", "train")].options["path"] == desk.folder / "sub" / "photos"
    assert plan.picks[("data", "validate")].options["path"] == desk.folder / "mine"
    assert plan.experiment.validation.photos == desk.folder / "sub" / "real"
    plan = desk.sound("", "data.train=cli", "validation.photos=./here")
    assert plan.picks[("data", "train")].options["path"] == desk.folder / "cli"
    assert plan.experiment.validation.photos == desk.folder / "here"


def test_a_file_component_is_relative_to_the_file_it_is_written_in(desk: Desk) -> None:
    desk.write("class Net:\n    def __init__(self, scale: int, width: int = 3) -> None: ...\n", "sub/net.py")
    desk.write(BASE.replace('"espcn"', '"./net.py:Net"'), "sub/base.toml")
    plan = desk.sound('extends = "sub/base.toml"\n[generator]\nwidth = 4\n')
    assert plan.picks[("generator",)].component.file == desk.folder / "sub" / "net.py"


def test_a_chain_of_three(desk: Desk) -> None:
    desk.write(BASE, "one/a.toml")
    desk.write('extends = "../one/a.toml"\nseed = 1\n', "two/b.toml")
    plan = desk.sound('extends = "two/b.toml"\nprecision = "fp32"\n')
    assert (plan.experiment.scale, plan.experiment.seed, plan.experiment.precision) == (2, 1, "fp32")
    assert plan.picks[("data", "train")].options["path"] == desk.folder / "one" / "photos"


def test_each_problem_is_laid_to_the_file_it_is_in(desk: Desk) -> None:
    desk.write(BASE + "sede = 1\n", "sub/base.toml")
    said = desk.said('extends = "sub/base.toml"\nsed = 2\n[data]\npatch_size = "x"\n')
    assert said[0].startswith("sub/base.toml:10 pixel_loss.mse.sede:") or "sub/base.toml:10" in " ".join(said)
    assert any(one.startswith("x.toml:2 sed: unknown key. Did you mean 'seed'") for one in said)
    assert any(one.startswith("x.toml:4 data.patch_size:") for one in said)


def test_what_cannot_be_extended(desk: Desk) -> None:
    assert desk.said('extends = "absent.toml"\n') == ["x.toml:1 extends: there is no file absent.toml."]
    assert desk.said("seed = 1\nextends = 3\n") == [
        "x.toml:2 extends: found 3, expected the path of an experiment file."
    ]
    desk.write('extends = "x.toml"\n', "sub/b.toml")
    desk.write('extends = "sub/c.toml"\n', "x.toml")
    desk.write('\nextends = "../x.toml"\n', "sub/c.toml")
    assert desk.said() == ["sub/c.toml:1 extends: the files extend each other in a circle: x.toml -> c.toml -> x.toml."]
    assert desk.said('extends = "x.toml"\n') == [
        "x.toml:1 extends: the files extend each other in a circle: x.toml -> x.toml."
    ]
    desk.write("scale = = 2\n", "broken.toml")
    assert desk.said('extends = "broken.toml"\n')[0].startswith("broken.toml:1: not TOML: ")


def test_files_as_other_editors_write_them(desk: Desk) -> None:
    (desk.folder / "x.toml").write_bytes(b"\xef\xbb\xbf" + BASE.lstrip().replace("\n", "\r\n").encode())
    desk.sound()
    for content in (b"\xff\xfe\x00", b"scale = '\xe4'"):
        (desk.folder / "x.toml").write_bytes(content)
        try:
            desk.read()
            raise AssertionError("read")
        except UserError as error:
            assert "x.toml: it is written in UTF-16" in str(error) or "not UTF-8" in str(error)
