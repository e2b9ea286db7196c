"""What each algorithm learns in three iterations, alone or with the processes that were launched with this one.

``accelerate launch -m tests.agents.parallel.learned FILE [CASE]...`` writes the parameters of these cases, or of all
and with every fault, to a file.
"""

import sys
from contextlib import contextmanager

import torch
from safetensors.torch import save_file

from agents import A2C, GRPO, PPO, RLOO, SFT, TransformerPolicy, make_vec_env
from agents.parallel import current, joined, shared_pass
from tests.agents.tiny import MODELS

ENV = "tests.agents.tiny:test/Letters-v0"
ADAM = {"policy_kwargs": {"optimizer_class": torch.optim.Adam}}
SGD = {"optimizer_class": torch.optim.SGD}  # unlike Adam, it knows a gradient from twice that gradient
ROLLOUT = {"rollout_responses": 16, "learning_rate": 0.05, "max_grad_norm": 1.0}
T5 = {"policy_kwargs": {"model": MODELS["t5"]}}
LORA = {"policy_kwargs": {"lora": {"rank": 2}}}
CASES = {
    "ppo": (PPO, {**ROLLOUT, "batch_size": 20, "n_epochs": 2, "ent_coef": 0.01, "kl_coef": 0.1, "gae_lambda": 0.9}),
    "ppo-target-kl": (PPO, {**ROLLOUT, "learning_rate": 0.5, "batch_size": 8, "n_epochs": 4, "target_kl": 0.02}),
    "a2c": (A2C, {**ROLLOUT, "ent_coef": 0.01}),
    "grpo": (GRPO, {**ROLLOUT, "responses_per_prompt": 2, "batch_size": 30, "part_size": 12, "kl_coef": 0.1}),
    "rloo": (RLOO, {**ROLLOUT, "responses_per_prompt": 4, "n_epochs": 2, "kl_coef": 0.1, "ent_coef": 0.01}),
    "sft": (SFT, {"batch_size": 5, "learning_rate": 0.05, "label_smoothing": 0.1}),
    "ppo-t5-slots": (PPO, {**ROLLOUT, **T5, "slots": 3, "batch_size": 40, "kl_coef": 0.1}),
    "ppo-adam-parts": (PPO, {**ROLLOUT, **ADAM, "learning_rate": 0.01, "batch_size": 40, "part_size": 12}),
    "rloo-lora": (RLOO, {**ROLLOUT, **LORA, "responses_per_prompt": 2, "learning_rate": 0.2, "kl_coef": 0.1}),
}
IN_PARTS = ("ppo", "a2c", "grpo", "sft", "ppo-t5-slots")  # also tried with weights in parts


def learn(name, iterations=3):
    """Return the algorithm of a case after three iterations."""
    cls, options = CASES[name]
    env = make_vec_env(ENV, num_envs=4)
    plain = {**MODELS["gpt2"], "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}  # masks would differ
    given = {"seed": 3, "device": "cpu", **options}
    given["policy_kwargs"] = {"model": plain, **SGD, **options.get("policy_kwargs", {})}
    algorithm = cls(TransformerPolicy, env, **given)
    with torch.no_grad():
        for parameter in algorithm.policy.network.parameters():
            if parameter.dim() > 1 and parameter.requires_grad:
                parameter.mul_(2.0)
        for parameter in algorithm.policy.network.value_head.parameters():
            parameter.add_(0.1)
    updates = 0

    def stop(*_):
        nonlocal updates
        updates += 1
        return updates < iterations

    if cls is SFT:
        algorithm.learn(10**6, callback=stop)
    else:
        train, seen = algorithm.train, []
        algorithm.train = lambda: (train(), seen.append(1))
        algorithm.learn(10**6, callback=lambda *_: len(seen) < iterations)
    return algorithm


def held(algorithm):
    """Return how many numbers the optimizer's state holds in this process."""
    optimizer = algorithm.policy.optimizer
    state = getattr(optimizer, "_own", optimizer).state.values()
    return torch.tensor([sum(value.numel() for entries in state for value in entries.values() if value.dim())])


def weights(algorithm):
    parameters = dict(algorithm.policy.named_parameters())
    return {name: weight.detach().clone() for name, weight in current().put_together(parameters).items()}


@contextmanager
def fault(backward):
    """Let gradients be gathered in a wrong way."""
    original = shared_pass.Gathered.backward
    shared_pass.Gathered.backward = staticmethod(backward)
    try:
        yield
    finally:
        shared_pass.Gathered.backward = original


def mean_of_means(ctx, gradient):
    """Weigh the tokens of a process by their number there, as a mean of the processes' means does."""
    first, own = sum(ctx.counts[: ctx.rank]), ctx.counts[ctx.rank]
    return gradient[first : first + own] * (sum(ctx.counts) / max(1, own)), None, None


def mean_of_sums(ctx, gradient):
    """Forget that the wrapper divides by the number of processes."""
    first = sum(ctx.counts[: ctx.rank])
    return gradient[first : first + ctx.counts[ctx.rank]], None, None


FAULTS = {"mean-of-means": mean_of_means, "mean-of-sums": mean_of_sums}


def main() -> None:
    torch.set_num_threads(1)
    file = sys.argv[1]
    with joined("cpu", 60):
        cases, faults = (sys.argv[2:], {}) if sys.argv[2:] else (CASES, FAULTS)
        learners = {name: learn(name) for name in cases}
        found = {f"{name}/{key}": value for name in cases for key, value in weights(learners[name]).items()}
        found |= {f"held/{name}": held(learner) for name, learner in learners.items()}
        for name, backward in faults.items():
            with fault(backward):
                found |= {f"{name}/{key}": value for key, value in weights(learn("grpo")).items()}
        rank = current().rank
    save_file({name: value.contiguous() for name, value in found.items()}, f"{file}.{rank}")


if __name__ == "__main__":
    main()
