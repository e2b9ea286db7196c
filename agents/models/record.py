"""Where tokens are chosen and written down, whichever row of whichever batch they come from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.models.distribution import sample
from agents.models.network import TextNetwork
from agents.models.repetition import Before
from textgym.errors import ModelError
from textgym.spaces import EMPTY


@dataclass
class Rollout:
    """N responses and what the network thought while it wrote them.

    Attributes:
        responses: int64 [N, T], padded on the right with -1; the eos, or a token that completes a stop string, is the
            last token of a finished response.
        log_probs: float32 [N, T], of the distribution that was sampled from; zero where empty.
        values: float32 [N, T], before each token; zero where empty.
        last_values: float32 [N], after the last token; zero unless asked for.
        reference_log_probs: float32 [N, T], of the reference policy where it wrote beside; else None.
    """

    responses: Tensor
    log_probs: Tensor
    values: Tensor
    last_values: Tensor
    reference_log_probs: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """Tokens of each response, eos included, int64 [N]."""
        return (self.responses >= 0).sum(dim=1)


class Record:
    """N responses that are being written, in any order.

    Args:
        count: N.
        max_new_tokens: T.
        device: Where.
        uniforms: float32 [N, T], the random numbers in [0, 1) that choose each token, see
            :mod:`agents.models.random_numbers`; None takes the likeliest token instead of sampling.
        last_values: Also keep the value after responses that were cut at T tokens.
        reference: Whether hidden states are [n, 2 D], the policy's own and those of a reference beside it.
        prompts: int64 [N, P], what the responses answer; None for a network that does not look back.

    Attributes:
        nobody: The number of a response that nobody asks for, for rows of a batch that write nothing.
    """

    def __init__(
        self,
        count: int,
        max_new_tokens: int,
        device: torch.device,
        *,
        uniforms: Tensor | None,
        last_values: bool,
        reference: bool = False,
        prompts: Tensor | None = None,
    ) -> None:
        shape = (count + 1, max_new_tokens)
        self.nobody = count
        self.wants_last_values = last_values
        self.responses = torch.full(shape, EMPTY, device=device)
        self._log_probs, self._values = torch.zeros(2, *shape, dtype=torch.float32, device=device)
        self._last_values = torch.zeros(count + 1, dtype=torch.float32, device=device)
        self._reference_log_probs = torch.zeros_like(self._values) if reference else None
        self._prompts = None if prompts is None else torch.nn.functional.pad(prompts, (0, 0, 0, 1), value=EMPTY)
        self._uniforms = None if uniforms is None else torch.nn.functional.pad(uniforms, (0, 0, 0, 1))

    def write(
        self,
        network: TextNetwork,
        hidden: Tensor,
        numbers: Tensor,
        lengths: Tensor,
        columns: Tensor | None = None,
    ) -> Tensor:
        """Choose the next token of n responses; return them, int64 [n].

        Args:
            network: Whose distribution.
            hidden: [n, D], the hidden states before them; [n, 2 D] with a reference.
            numbers: int64 [n], which responses, or ``nobody``.
            lengths: int64 [n], how many tokens each has, in a dialogue its present turn.
            columns: int64 [n], where the token comes to stand; None is at its length.
        """
        columns = lengths if columns is None else columns
        hidden, beside = self._halves(hidden)
        before = self._before(network, numbers, lengths, columns)
        log_probs = network.log_distribution(hidden, before)
        if self._uniforms is None:
            tokens = log_probs.argmax(dim=-1)
        else:
            tokens = sample(log_probs, self._uniforms[numbers, columns])
        self.responses[numbers, columns] = tokens
        self._log_probs[numbers, columns] = log_probs.gather(-1, tokens[:, None]).squeeze(-1)
        self._values[numbers, columns] = network.values(hidden)
        if self._reference_log_probs is not None:
            others = network.allowed_logits(beside, before, tokens).log_softmax(dim=-1)
            self._reference_log_probs[numbers, columns] = others.gather(-1, tokens[:, None]).squeeze(-1)
        return tokens

    def _before(self, network: TextNetwork, numbers: Tensor, lengths: Tensor, columns: Tensor) -> Before:
        """Return what the distributions depend on beside hidden states."""
        if self._prompts is None:
            return lengths
        rows = torch.arange(len(numbers), device=numbers.device)
        return network.before(lengths, self._prompts[numbers], self.responses[numbers], rows, columns)

    def _halves(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the policy's own hidden states and those of the reference beside it, or the same twice."""
        if self._reference_log_probs is None:
            return hidden, hidden
        own, beside = hidden.chunk(2, dim=-1)
        return own, beside

    def close(self, network: TextNetwork, hidden: Tensor, numbers: Tensor, cut: Tensor) -> None:
        """Keep the values of hidden states [n, D] as those after responses, where ``cut``, bool [n]."""
        self._last_values[torch.where(cut, numbers, self.nobody)] = network.values(self._halves(hidden)[0])

    def rollout(self) -> Rollout:
        """Return the responses.

        Raises:
            ModelError: The network's numbers are not finite.
        """
        kept = slice(0, self.nobody)
        arrays = (self.responses, self._log_probs, self._values, self._last_values)
        rollout = Rollout(*(array[kept] for array in arrays))
        if self._reference_log_probs is not None:
            rollout.reference_log_probs = self._reference_log_probs[kept]
        if not (rollout.log_probs.sum() + rollout.values.sum()).isfinite():
            raise ModelError(
                "The policy's log-probabilities or values are not finite: learning has diverged. Start again from a "
                "checkpoint before that, with a smaller learning rate."
            )
        return rollout
