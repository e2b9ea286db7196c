"""The distribution of an edit: which kind, where, and which token, each given what was chosen before."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.models.distribution import entropy, sample
from textgym.editing import INSERT, REPLACE

Tokens = Callable[[Tensor, Tensor, Tensor], Tensor]


class EditDistribution:
    """p(edit) = p(kind) p(position | kind) p(token | kind, position), over the legal edits of B drafts.

    A stop has the position 0, a stop and a deletion have the token 0: so every edit is one action, and the
    probabilities of all legal actions sum to 1. An action with other numbers in these places counts as the edit that it
    means.

    Args:
        kinds: Log-probabilities of the kinds, float32 [B, 4]; -inf where none is legal.
        positions: Those of the positions given the kind, float32 [B, 4, N]; -inf where none is legal.
        tokens: Returns for rows, kinds and positions, int64 [R] each, the log-probabilities of what is written there,
            float32 [R, V]; -inf where it is not legal.
    """

    def __init__(self, kinds: Tensor, positions: Tensor, tokens: Tokens) -> None:
        self.kinds, self.positions, self.tokens = kinds, positions, tokens

    def get_actions(self, deterministic: bool = False) -> Tensor:
        """Return actions, int64 [B, 3]: drawn, or the likeliest kind, its likeliest position, its likeliest token."""
        choose = _likeliest if deterministic else sample
        kinds = choose(self.kinds)
        positions = choose(self._positions_of(kinds))
        tokens = torch.zeros_like(kinds)
        rows = _writing(kinds)
        if len(rows):
            tokens[rows] = choose(self.tokens(rows, kinds[rows], positions[rows]))
        return torch.stack([kinds, positions, tokens], dim=1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """Return the log-probabilities, float32 [B], of actions int64 [B, 3]."""
        return self.evaluate(actions)[0]

    def evaluate(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities and an estimate of the entropy, float32 [B] each, for actions int64 [B, 3].

        The entropy of the kind and that of the position given the kind are exact. That of the token given both is taken
        where the action writes, and is 0 where it does not: all others would need N times the work. Over the actions
        that the distribution draws, the mean of the estimate is the entropy; its gradient leaves out how the choice of
        kind and position changes the third part.
        """
        kinds, positions, tokens = actions.unbind(dim=1)
        positions = torch.where(kinds > 0, positions, 0)
        chosen = self.kinds.gather(1, kinds[:, None]) + self._positions_of(kinds).gather(1, positions[:, None])
        log_probs = chosen.squeeze(1)
        spread = entropy(self.kinds) + (self.kinds.exp() * entropy(self.positions)).sum(dim=1)
        rows = _writing(kinds)
        if len(rows):
            written = self.tokens(rows, kinds[rows], positions[rows])
            log_probs = log_probs.index_add(0, rows, written.gather(1, tokens[rows][:, None]).squeeze(1))
            spread = spread.index_add(0, rows, entropy(written))
        return log_probs, spread

    def _positions_of(self, kinds: Tensor) -> Tensor:
        return self.positions[torch.arange(len(kinds), device=kinds.device), kinds]


def _writing(kinds: Tensor) -> Tensor:
    return torch.nonzero((kinds == INSERT) | (kinds == REPLACE)).squeeze(1)


def _likeliest(log_probs: Tensor) -> Tensor:
    return log_probs.argmax(dim=-1)
