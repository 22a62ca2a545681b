"""The experiment files that come with srkit: each is sound, and those after a paper hold its numbers."""

from pathlib import Path

import pytest

from srkit.assembly import rehearse
from srkit.experiment import Plan, complete, read_experiment, read_study
from srkit.inference.initial import check_initial
from srkit.registry import Registry
from srkit.studies.plans import find_problems, planned

FOLDER = Path(__file__).parents[2] / "experiments"
FILES = sorted(FOLDER.glob("*.toml"))
STUDIES = [file for file in FILES if "[matrix]" in file.read_text(encoding="utf-8")]


def plan(name: str) -> Plan:
    return complete(read_experiment(FOLDER / name), Registry.installed())


@pytest.mark.parametrize("file", [one for one in FILES if one not in STUDIES], ids=lambda file: file.stem)
def test_every_file_is_sound(file: Path) -> None:
    found = plan(file.name)
    rehearse(found)
    check_initial(found)
    assert not found.problems


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_study_is_sound(file: Path) -> None:
    reading = read_study(file)
    assert reading is not None and not reading.all_problems()
    assert not find_problems(planned(reading, Registry.installed()))


def test_the_studies_compare_networks_of_one_size_or_say_so() -> None:
    """The discriminators have as many weights within 3%; the shared group has half of the two it stands for."""
    sizes = {}
    for name, part in (("unet_vs_dilated", "discriminator"), ("block_study", "generator")):
        reading = read_study(FOLDER / f"{name}.toml")
        assert reading is not None
        plans = {one.cell.alternative: one.plan for one in planned(reading, Registry.installed())}
        for row, found in plans.items():
            built = found.picks[(part,)].build(scale=2)
            sizes[row] = sum(one.numel() for one in built.parameters())
    assert sizes["dilated"] == pytest.approx(sizes["U-Net"], rel=0.03)
    assert 0.5 < sizes["one group twice"] / sizes["dilated and dense-3"] < 0.6


@pytest.mark.parametrize("name", ["srgan", "esrgan", "real_esrgan", "notes_final", "notes_stages"])
def test_a_small_form_has_the_same_parts_and_is_short(name: str) -> None:
    large, small = plan(f"{name}.toml"), plan(f"{name}-small.toml")
    for path, pick in large.picks.items():
        assert small.picks[path].component.name == pick.component.name
    assert sum(stage.steps or 0 for stage in small.stages) <= 10_000  # the lightest network does 50 a second


def stages(name: str) -> list[tuple[float, float, float, bool]]:
    """(steps or epochs, lr G, lr D, whether optimizers start anew) of each stage."""
    return [
        (one.steps or one.epochs or 0, one.lr["generator"], one.lr["discriminator"], one.forgets)
        for one in plan(name).stages
    ]


def test_the_notes_final_schedule_divided_by_8() -> None:
    first, *rest = stages("notes_final.toml")
    assert first[:3] == (100, 1e-4 / 8, 1e-4 / 8)
    table = [(10, 100, 100), (10, 30, 100), (20, 10, 100), (40, 30, 30), (40, 10, 10), (80, 3, 3), (80, 1, 1)]
    table.append((80, 0.3, 0.3))  # thousands of steps, millionths
    for (steps, generator, discriminator, forgets), one in zip(rest, table, strict=True):
        assert steps == one[0] * 1000 and forgets
        assert (generator * 8e6, discriminator * 8e6) == pytest.approx(one[1:])


def test_the_notes_stages_of_epochs() -> None:
    assert [one[:3] for one in stages("notes_stages.toml")] == [
        (1, 1e-4, 1e-4), (5, 1e-3, 1e-3), (30, 3e-4, 3e-4), (50, 1e-4, 1e-4), (150, 1e-4, 3e-5)
    ]  # fmt: skip
    assert [one.experiment.adversarial_loss.weight for one in plan("notes_stages.toml").stages][3:] == [1e-4, 1e-3]


def test_the_published_gans_begin_on_pixels_alone_and_end_with_the_papers_weights() -> None:
    for name, pixel, feature, adversarial, steps, game in (
        ("srgan.toml", 0.0, 0.006, 1e-3, 1_000_000, 200_000),
        ("esrgan.toml", 1e-2, 1.0, 5e-3, 1_000_000, 400_000),
        ("real_esrgan.toml", 1.0, 1.0, 0.1, 1_000_000, 400_000),
    ):
        spans = plan(name).stages
        alone = [one for one in spans if one.experiment.adversarial_loss.weight == 0]
        against = [one for one in spans if one not in alone]
        assert sum(one.steps for one in alone) == steps and sum(one.steps for one in against) == game
        assert against[0].forgets and spans.index(against[0]) == len(alone)
        for one in alone:
            assert one.experiment.pixel_loss[0].weight == 1 and one.experiment.feature_loss[0].weight == 0
        for one in against:
            losses = one.experiment.pixel_loss[0], one.experiment.feature_loss[0], one.experiment.adversarial_loss
            assert [loss.weight for loss in losses] == [pixel, feature, adversarial]
