"""The experiment file: read, laid over each other, typed, checked, written out again. No torch on the way."""

from srkit.experiment.picks import Pick
from srkit.experiment.plan import Plan, Reading, StagePlan, complete, read_experiment, require_sound
from srkit.experiment.schema import Experiment

__all__ = ["Experiment", "Pick", "Plan", "Reading", "StagePlan", "complete", "read_experiment", "require_sound"]
