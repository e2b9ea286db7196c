"""Beam search by transformers' ``generate``, in the distribution that the policy samples from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedModel

from agents.models.architectures import push_left, readable
from agents.models.network import TextNetwork
from textgym.errors import ConfigError, ModelError
from textgym.spaces import EMPTY


@torch.no_grad()
def beam_search(network: TextNetwork, prompts: Tensor, num_beams: int, length_penalty: float) -> Tensor:
    """Return the best response to each prompt that a beam search finds, int64 [B, T], padded on the right with -1.

    A response's score is its log-probability divided by (number of tokens, eos included) ** ``length_penalty``. The
    log-probabilities are the policy's own, with its temperature, minimum length, banned tokens, truncation and
    repetition penalty (which ``generate`` by itself would apply to log-probabilities in place of logits). A prompt is
    done when no running hypothesis would beat the finished ones if it ended now (``early_stopping=False``), or after T
    tokens.

    Args:
        network: The policy's network.
        prompts: int [B, P], padded on the left with -1.
        num_beams: Hypotheses that are kept at each step.
        length_penalty: The exponent.

    Raises:
        ConfigError: The environment has stop strings, which a hypothesis does not look for.
        ModelError: The network's numbers are not finite.
    """
    if network.space.stop:
        raise ConfigError(
            f"Beam search ends hypotheses at the eos only, and the environment has stop strings "
            f"{network.space.stop.strings}: decode greedy, sampled or best_of, or leave stop= out."
        )
    inputs = _inputs(network, prompts.long())
    begin = inputs[_WRITTEN_TO[network.model.config.is_encoder_decoder]].shape[1]
    policy = _PolicyDistribution(network, begin, prompts.long().repeat_interleave(num_beams, dim=0))
    with _nothing_but(network.model, _generation_config(network, num_beams, length_penalty)), policy.listening():
        written = network.model.generate(  # type: ignore[operator]
            **inputs, logits_processor=LogitsProcessorList([policy])
        )
    return _responses(written[:, begin:], network)


_WRITTEN_TO = {False: "input_ids", True: "decoder_input_ids"}


def _inputs(network: TextNetwork, prompts: Tensor) -> dict[str, Tensor]:
    """Return the prompts as ``generate`` takes them."""
    if not network.model.config.is_encoder_decoder:
        ids = readable(prompts)
        return {"input_ids": ids.clamp(min=0), "attention_mask": (ids >= 0).long()}
    ids = push_left(prompts)
    starts = prompts.new_tensor(network.start_ids).repeat(len(prompts), 1)
    return {"input_ids": ids.clamp(min=0), "attention_mask": (ids >= 0).long(), "decoder_input_ids": starts}


def _generation_config(network: TextNetwork, num_beams: int, length_penalty: float) -> GenerationConfig:
    eos = network.space.eos_id
    return GenerationConfig(
        max_new_tokens=network.space.max_new_tokens,
        num_beams=num_beams,
        length_penalty=length_penalty,
        early_stopping=False,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=0 if eos is None else eos,
        decoder_start_token_id=network.start_ids[0] if network.start_ids else None,
    )


@contextmanager
def _nothing_but(model: PreTrainedModel, config: GenerationConfig) -> Iterator[None]:
    """Generate by ``config`` alone: what came with the model, such as BART's own penalties, would fill its gaps."""
    own = model.generation_config
    model.generation_config = config
    try:
        yield
    finally:
        model.generation_config = own


class _PolicyDistribution(LogitsProcessor):
    """Turns the model's log-probabilities into the policy's.

    Args:
        network: The policy's network.
        begin: The columns of ids before the response.
        prompts: int64 [N, P], what each hypothesis answers, padded on the left with -1.
    """

    def __init__(self, network: TextNetwork, begin: int, prompts: Tensor) -> None:
        self.network = network
        self.begin = begin
        self.prompts = prompts
        self._logits: Tensor | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within, the model's logits are kept for the next call: a penalty asks for their signs."""

        def keep(model: Any, arguments: Any, output: Any) -> None:
            self._logits = output.logits[:, -1]

        hook = self.network.model.register_forward_hook(keep)
        try:
            yield
        finally:
            hook.remove()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return log-probabilities, float [N, rows of the model's vocabulary], -inf where a token is not allowed."""
        space = self.network.space
        lengths = torch.full_like(input_ids[:, 0], input_ids.shape[1] - self.begin)
        rows = torch.arange(len(input_ids), device=input_ids.device)
        before = self.network.before(lengths, self.prompts, input_ids[:, self.begin :], rows, lengths)
        assert self._logits is not None, "the model was not called"
        allowed = self.network.normalized(self._logits[:, : space.vocab_size].float(), before)
        if allowed.isnan().any():
            raise ModelError("The policy's log-probabilities are not finite: take a checkpoint before that.")
        surplus = scores.shape[1] - space.vocab_size
        return torch.nn.functional.pad(allowed, (0, surplus), value=-torch.inf)


def _responses(ids: Tensor, network: TextNetwork) -> Tensor:
    """Return what was written, [B, T], with -1 after the first eos."""
    T, eos = network.space.max_new_tokens, network.space.eos_id
    if eos is not None:
        ended = (ids == eos).long()
        ids = ids.masked_fill(ended.cumsum(dim=1) - ended > 0, EMPTY)
    return torch.nn.functional.pad(ids, (0, T - ids.shape[1]), value=EMPTY)
