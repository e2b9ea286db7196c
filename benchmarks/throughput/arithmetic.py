"""How much arithmetic a comparison cannot avoid: floating-point operations of matrix products with the weights.

Left out, on all sides: attention's own products, everything element by element, looking up embeddings, the value head
and the optimizer. The output head counts once, also where it is the embedding matrix, and only for response tokens.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor
from transformers import PreTrainedModel


class Work:
    """Operations of one iteration of B responses of T tokens to prompts of P tokens, with E epochs.

    Args:
        model: A decoder-only model; its body is what every token passes, its head what gives logits.
        shape: B, P, T.
        epochs: E.
    """

    def __init__(self, model: PreTrainedModel, shape: tuple[int, int, int], epochs: int) -> None:
        self.rows, self.prompt, self.response = shape
        self.epochs = epochs
        embeddings, head = cast(Tensor, model.get_input_embeddings().weight), model.get_output_embeddings().weight
        positions = sum(p.numel() for name, p in model.named_parameters() if name.endswith("wpe.weight"))
        self.head = int(head.numel())
        tables = self.head if embeddings is head else self.head + int(embeddings.numel())
        self.body = sum(p.numel() for p in model.parameters()) - tables - positions

    def least_rollout(self) -> float:
        """Every token is read once, every response token is predicted once."""
        return 2.0 * self.rows * (self.body * (self.prompt + self.response) + self.head * self.response)

    def least(self) -> float:
        """A rollout, and a forward and a backward pass over whole sequences in every epoch."""
        return self.least_rollout() * (1 + 3 * self.epochs)

    def least_with_reference(self, group: int = 1) -> float:
        """And a forward pass of a reference policy: N S (4 + 6 E) for N weights and S tokens.

        Args:
            group: Responses that share the reading of their prompt, in the rollout and in all other passes.
        """
        columns = self.prompt / group + self.response
        return 2.0 * self.rows * (self.body * columns + self.head * self.response) * (2 + 3 * self.epochs)

    def per_token(self) -> float:
        """The least of an algorithm that reads a prompt and half a response, on average, for every response token."""
        contexts = self.response * (self.prompt + self.response / 2)
        return 2.0 * self.rows * (self.body * contexts + self.head * self.response) * (1 + 3 * self.epochs)

    def bound(self) -> float:
        """Return T (P + T/2) / (P + T): the ratio of both, with the head's work, equal on both sides, left out."""
        return self.response * (self.prompt + self.response / 2) / (self.prompt + self.response)

    def bound_with_head(self) -> float:
        """Return the ratio of both, the head's work counted."""
        return self.per_token() / self.least()
