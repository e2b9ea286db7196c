"""How much arithmetic a comparison cannot avoid: floating-point operations of matrix products with the weights.

Attention's own products and everything element by element are left out on both sides.
"""

from __future__ import annotations

from transformers import PreTrainedModel


class Work:
    """Operations of one PPO iteration of B responses of T tokens to prompts of P tokens, with E epochs.

    Args:
        model: A decoder-only model; its body is what every token passes, its head what gives logits.
        shape: B, P, T.
        epochs: E.
    """

    def __init__(self, model: PreTrainedModel, shape: tuple[int, int, int], epochs: int) -> None:
        self.rows, self.prompt, self.response = shape
        self.epochs = epochs
        embeddings = model.get_output_embeddings().weight.numel()
        positions = sum(p.numel() for name, p in model.named_parameters() if name.endswith("wpe.weight"))
        self.head = int(embeddings)
        self.body = sum(p.numel() for p in model.parameters()) - self.head - positions  # the embeddings are tied

    def least_rollout(self) -> float:
        """Every token is read once, every response token is predicted once."""
        return 2.0 * self.rows * (self.body * (self.prompt + self.response) + self.head * self.response)

    def least(self) -> float:
        """A rollout, and a forward and a backward pass over whole sequences in every epoch."""
        return self.least_rollout() * (1 + 3 * self.epochs)

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
