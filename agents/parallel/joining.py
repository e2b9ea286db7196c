"""How a process joins those that were launched with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from agents.parallel.processes import Processes, current, present
from textgym.errors import ConfigError, MissingExtraError

TIMEOUT_SECONDS = 600.0


@contextmanager
def joined(device: str = "auto", timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[Processes]:
    """Learn, in a block, together with the processes that ``accelerate launch`` or ``torchrun`` started with this one.

    Environments of ``agents.make_vec_env`` and algorithms that are made in the block share their lanes and their work.
    A process that was started alone stays alone, and needs no further package.

    Args:
        device: Where to compute, as for the algorithms.
        timeout_seconds: How long a process waits for the others before it ends with an error. Where another process
            has ended, it knows at once.

    Raises:
        ConfigError: The launcher was told what this library decides itself.
        ProcessError: A process has ended, or does not answer.
        MissingExtraError: There are several processes, and accelerate is not installed.
    """
    if _launched() == 1 or current().count > 1:
        yield current()
        return
    try:
        import accelerate  # noqa: F401  (asked for here, so that its absence is told in one sentence)
    except ImportError as error:
        raise MissingExtraError("accelerate", "parallel", "Learning in several processes") from error
    _refuse_settings()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true" and find_spec("deepspeed") is None:
        raise MissingExtraError("deepspeed", "deepspeed", "Gradients in parts")

    from agents.parallel.many import ManyProcesses, translated

    processes = ManyProcesses.launched(device, timeout_seconds)
    with translated(processes), present(processes):
        yield processes
    processes.leave()


TOLD = ("RANK", "MASTER_ADDR", "MASTER_PORT")  # to each process, beside WORLD_SIZE, by a launcher


def _launched() -> int:
    """Return how many processes were launched together.

    Raises:
        ConfigError: The environment says that there are several, but not where they are.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    missing = [name for name in TOLD if name not in os.environ]
    if count == "1" or (count.isdecimal() and not missing):
        return int(count)
    raise ConfigError(
        f"WORLD_SIZE={count} in the environment must be the number of processes that a launcher has started, which "
        f"sets {', '.join(missing or TOLD)} too: use accelerate launch, or unset WORLD_SIZE to learn alone."
    )


REFUSED = (  # what a launcher may have been told: the variable, its default, what must stand there, and why
    ("ACCELERATE_MIXED_PRECISION", "no", "no", "precision is a setting of the run, --engine.precision bfloat16"),
    (
        "ACCELERATE_DEEPSPEED_ZERO_STAGE",
        "2",
        "2",
        "stage 1 exchanges as much and keeps more; for weights in parts, as of stage 3, there is fsdp.yaml",
    ),
    ("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none", "none", "state in other memory was never tried"),
    ("ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE", "none", "none", "weights in other memory were never tried"),
    ("ACCELERATE_DEEPSPEED_CONFIG_FILE", "", "", "all that DeepSpeed is told follows from the run's configuration"),
    ("ACCELERATE_GRADIENT_CLIPPING", "", "", "gradients are clipped to the algorithm's max_grad_norm"),
    ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1", "1", "batch_size and part_size say what a step learns from"),
    ("FSDP_VERSION", "2", "2", "FSDP of version 1 replaces parameters by flat ones, which no checkpoint here knows"),
    ("FSDP_OFFLOAD_PARAMS", "false", "false", "parts that lie in the memory of the CPU were never tried"),
    ("FSDP_AUTO_WRAP_POLICY", "NO_WRAP", "NO_WRAP", "rollouts pass layers by themselves, so all weights come at once"),
)


def _refuse_settings() -> None:
    for name, default, needed, why in REFUSED:
        given = os.environ.get(name, default)
        if given.lower() != needed.lower():
            raise ConfigError(
                f"Accelerate's configuration says {name}={given}, which must be {needed!r} here: {why}. The files in "
                "agents/presets/accelerate are ready for use; docs/parallel.md says what each does."
            )
