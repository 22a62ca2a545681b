"""The experiment file: read, laid over each other, typed, checked, written out again. No torch on the way."""

from srkit.experiment.picks import Pick
from srkit.experiment.plan import Plan, Reading, StagePlan, complete, read_experiment, require_sound
from srkit.experiment.schema import Experiment
from srkit.experiment.study import StudyReading, read_study

__all__ = [
    "Experiment",
    "Pick",
    "Plan",
    "Reading",
    "StagePlan",
    "StudyReading",
    "complete",
    "read_experiment",
    "read_study",
    "require_sound",
]
