"""Whether a network's numbers are exact: short texts, padded and cached as in a rollout, against the model's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from agents.models.cache_memory import make_timeline
from agents.models.network import TextNetwork
from agents.models.sharing_check import shares_exactly
from agents.models.timeline import SLACK
from textgym.errors import ModelError

TOLERANCE = 1e-3  # of the largest logit: rounding makes 1e-5 of it, a wrong position or an open mask more than 1e-2
LENGTHS = (4, 1, 3)  # of prompts; unequal, so that there is padding
STEPS = 3


@torch.no_grad()
def check_network(network: TextNetwork, *, random_weights: bool) -> None:
    """Refuse a network whose logits are not those of the model's own forward pass on one unpadded text.

    Compared are whole responses in one pass and cached steps, in a batch of prompts of different lengths, in float32
    whatever the engine says. Rows that begin at different times in one cache are compared too, and those that share the
    reading of a prompt; where they differ, the network only notes it.

    Args:
        network: In evaluation mode.
        random_weights: The weights are initial ones, on which a wrong position hardly shows: they are made larger
            meanwhile.

    Raises:
        ModelError: The logits differ, or the architecture cannot be called in this way.
    """
    name = type(network.model).__name__
    prompts, responses = _texts(network)
    try:
        with network.in_float32(), _large_weights(network) if random_weights else _as_they_are():
            expected = _plain_logits(network, prompts, responses)
            _compare(name, "in one pass", network.states(prompts, responses), expected, network)
            _compare(name, "step by step", _stepped(network, prompts, responses), expected, network)
            network.refillable = _agrees_in_slots(network, prompts, responses, expected)
            network.shareable = shares_exactly(network, prompts, responses)
        _check_finite(name, network, prompts, responses)
    except ModelError:
        raise
    except Exception as error:  # each architecture fails in its own way where it lacks what a policy needs
        raise ModelError(
            f"{name} cannot serve as a policy: it does not read a padded prompt and continue it token by token with a "
            f"cache whose rows can be selected ({type(error).__name__}: {_first_line(error)}). Take another "
            "architecture, such as gpt2, llama, qwen3, t5 or bart."
        ) from error


def _check_finite(name: str, network: TextNetwork, prompts: Tensor, responses: Tensor) -> None:
    """Refuse numbers that the engine's precision cannot hold; how near they are is for the user to judge."""
    if not network.states(prompts, responses).isfinite().all():
        raise ModelError(
            f"{name} computes numbers that are not finite with engine.precision={network.engine.precision!r}: leave "
            "it out."
        )


def _texts(network: TextNetwork) -> tuple[Tensor, Tensor]:
    """Return prompts [3, P], padded on the left, and responses [3, K], each with tokens of its own."""
    space = network.space
    width, steps = min(space.max_prompt_tokens, max(LENGTHS)), min(space.max_new_tokens, STEPS)
    ids = torch.arange(3 * (width + steps), device=network.device).view(3, -1) * 7 + 1
    ids = ids % space.vocab_size
    prompts, responses = ids[:, :width], ids[:, width:]
    lengths = prompts.new_tensor(LENGTHS).clamp(max=width)
    columns = torch.arange(width, device=ids.device)
    return torch.where(columns >= width - lengths[:, None], prompts, -1), responses


def _plain_logits(network: TextNetwork, prompts: Tensor, responses: Tensor) -> Tensor:
    """Return the model's own logits before each response token and after the last, [3, K + 1, V], row by row."""
    rows = []
    for prompt, response in zip(prompts, responses, strict=True):
        prompt = prompt[prompt >= 0]
        if network.start_ids:
            decoder = torch.cat([response.new_tensor(network.start_ids), response])
            logits = network.model(input_ids=prompt[None], decoder_input_ids=decoder[None]).logits
        else:
            logits = network.model(input_ids=torch.cat([prompt, response])[None]).logits
        rows.append(logits[0, -len(response) - 1 :, : network.space.vocab_size].float())
    return torch.stack(rows)


def _stepped(network: TextNetwork, prompts: Tensor, responses: Tensor) -> Tensor:
    decoding, hidden = network.start(prompts)
    decoding.reserve(responses.shape[1])
    states = [hidden]
    for tokens in responses.T:
        decoding.select(np.arange(len(tokens)))
        states.append(network.advance(decoding, tokens))
    return torch.stack(states, dim=1)


def _agrees_in_slots(network: TextNetwork, prompts: Tensor, responses: Tensor, expected: Tensor) -> bool:
    """Return whether rows that begin one after another have the same logits; some decoders mask by themselves."""
    try:
        hidden = _staggered(network, prompts, responses)
    except Exception:  # each architecture fails in its own way
        return False
    return hidden is not None and _difference(hidden, expected, network) < TOLERANCE


def _staggered(network: TextNetwork, prompts: Tensor, responses: Tensor) -> Tensor | None:
    """Return hidden states [3, K + 1, D] where row i begins in step i; None where the cache cannot."""
    staged, first = network.start(prompts)
    rows = np.arange(len(prompts))
    timeline = make_timeline(network, staged, prompts.shape[1], len(rows), SLACK)
    if timeline is None:
        return None
    states = [[hidden] for hidden in first]
    K = responses.shape[1]
    for step in range(K + len(rows) - 1):
        if step < len(rows):
            timeline.admit(rows[step : step + 1], staged, rows[step : step + 1])
        begun = torch.arange(min(step + 1, len(rows)), device=prompts.device)
        hidden = network.advance(timeline, responses[begun, (step - begun).clamp(max=K - 1)])
        timeline.rest(begun, step - begun >= K - 1)
        for row in begun[step - begun < K].tolist():
            states[row].append(hidden[row])
    return torch.stack([torch.stack(row) for row in states])


def _difference(hidden: Tensor, expected: Tensor, network: TextNetwork) -> float:
    """Return the largest difference from the expected logits, as a share of the largest of them."""
    found = network.logits(hidden.flatten(0, 1)).view_as(expected)
    return ((found - expected).abs().max() / expected.abs().max()).item()


def _compare(name: str, how: str, hidden: Tensor, expected: Tensor, network: TextNetwork) -> None:
    difference = _difference(hidden, expected, network)
    if not difference < TOLERANCE:
        raise ModelError(
            f"{name} computes other logits {how}, in a padded batch, than for one text alone (relative difference "
            f"{difference:.2g} on a test input): it counts positions, masks or computes its logits in a way that is "
            "not known here, so that this architecture cannot serve as a policy yet."
        )


@contextmanager
def _as_they_are() -> Iterator[None]:
    yield


@contextmanager
def _large_weights(network: TextNetwork) -> Iterator[None]:
    """Scale matrices so that a state's size survives them; by powers of two, which are taken back without rounding."""
    weights = [weight for weight in network.model.parameters() if weight.dim() > 1]
    factors = [_power_of_two(1.0 / max(weight.std().item() * weight.shape[-1] ** 0.5, 1e-6)) for weight in weights]
    _scale(weights, factors)
    try:
        yield
    finally:
        _scale(weights, [1 / factor for factor in factors])


def _scale(weights: list[torch.nn.Parameter], factors: list[float]) -> None:
    for weight, factor in zip(weights, factors, strict=True):
        weight.mul_(factor)


def _power_of_two(x: float) -> float:
    return 2.0 ** max(0, round(math.log2(x)))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
