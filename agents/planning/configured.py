"""The workload of a run's configuration, with its environment or without one."""

from __future__ import annotations

from agents.config.run_config import RunConfig
from agents.planning.workload import Workload, workload_of
from agents.runs.setup import LEARNERS, checked_options, make_setup
from textgym import TokenSpace
from textgym.errors import ConfigError


def configured_workload(config: RunConfig, space: TokenSpace | None = None) -> Workload:
    """Return what a run does.

    Args:
        config: Of the run.
        space: In place of that of its environment, which then is not made; the warm start, which needs one, is left
            out.

    Raises:
        ConfigError: Something does not fit.
        DataError: The samples cannot be read.
    """
    if not config.reinforcement.enabled:
        raise ConfigError("reinforcement.enabled is false, and a plan is one of reinforcement: leave it out.")
    if space is None:
        setup = make_setup(config)
        found = setup.train_env.observation_space
        assert isinstance(found, TokenSpace), "a run's environment has one"
        return workload_of(config, found, setup.options, imitates=True)
    options = checked_options(LEARNERS[config.reinforcement.algorithm], config.reinforcement.options)
    workload = workload_of(config, space, options, imitates=False)
    if workload.responses < 1 or workload.responses % workload.group:
        raise ConfigError(
            f"rollout_responses (--batch) must be a multiple of responses_per_prompt={workload.group}, at least that, "
            f"got {workload.responses}."
        )
    return workload
