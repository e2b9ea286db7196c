"""The one network of the library: a language model, a value head, and the distribution of the next token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from agents.models.architectures import Architecture, DecodingState, architecture_of
from agents.models.chunked_head import chosen_and_entropy_of_head, chosen_log_probs
from agents.models.decoding_step import DecodingStep
from agents.models.engine import Engine
from agents.models.fused_gelu import with_fused_gelu
from agents.models.lora import Lora
from agents.models.output_head import logits_of
from agents.models.parts import in_parts
from agents.models.precision import HalfPrecision
from agents.models.read_prompts import ReadPrompts
from agents.models.recomputed_layers import learning_pass
from agents.models.repetition import Before, Seen, checked_penalty, lengths_of, penalised, width_of
from agents.models.timeline import Timeline
from agents.models.truncation import Truncation
from agents.models.turns import turn_lengths
from agents.models.value_head import make_value_head
from agents.models.whole_sequences import Own, own_states
from textgym import TokenSpace
from textgym.errors import ConfigError, ModelError


class Evaluation(NamedTuple):
    """What the network thinks of N actions: float32 [N] each."""

    values: Tensor
    log_probs: Tensor
    entropies: Tensor


class TextNetwork(nn.Module):
    """A language model and a value head on its last hidden states.

    Sampling, log-probabilities, entropy and the ratio of a policy gradient all come from the logits of allowed tokens.

    Args:
        model: A causal or an encoder-decoder language model.
        space: The observation space: V, P, T, and which tokens are allowed.
        temperature: Divides the logits, in sampling and in learning alike.
        start_ids: The first decoder inputs of an encoder-decoder: its start, and its forced first token if it has one.
        detach_value: Keep the gradient of the value loss out of the language model.
        value_hidden: Units of the value head's hidden layer; 0 makes it linear.
        truncation: Which tokens are left out as too unlikely.
        engine: How to compute.
        repetition_penalty: Divides the logits of tokens that stand before; see :mod:`agents.models.repetition`.
    """

    allowed_bias: Tensor
    eos_row: Tensor
    stop_table: Tensor
    refillable = True  # whether rows that begin at different times in one cache get the same numbers
    shareable = True  # whether responses to one prompt may share its reading, gradients included
    told_of_slots = False  # that they cannot be refilled
    part_size: int | None = None  # the most tokens of responses whose activations are kept, see agents.models.parts
    lora: Lora | None = None
    unfrozen_layers: int | None = None  # how many of the uppermost learn; None, all

    def __init__(
        self,
        model: PreTrainedModel,
        space: TokenSpace,
        temperature: float = 1.0,
        start_ids: Sequence[int] = (),
        detach_value: bool = False,
        value_hidden: int = 0,
        truncation: Truncation | None = None,
        engine: Engine | None = None,
        repetition_penalty: float = 1.0,
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ModelError(
                f"temperature must be positive, got {temperature}: for greedy text pass deterministic=True."
            )
        self.model = with_fused_gelu(model)
        self.space = space
        self.temperature = temperature
        self.start_ids = tuple(start_ids)
        self.detach_value = detach_value
        self.value_hidden = value_hidden
        self.truncation = truncation or Truncation()
        self.repetition_penalty = checked_penalty(repetition_penalty)
        self.engine = engine or Engine()
        learning_pass(model, self.engine)  # or it is refused here
        exact = architecture_of(model, start_ids)
        self._compute_by(exact if self.engine.precision == "float32" else HalfPrecision(exact))
        width = model.config.get_text_config(decoder=True).hidden_size
        self.value_head = make_value_head(width, value_hidden)
        self._register_constraints(space)

    def _register_constraints(self, space: TokenSpace) -> None:
        bias = torch.zeros(space.vocab_size, dtype=torch.float32)
        bias[list(space.banned_tokens)] = -torch.inf
        eos = torch.zeros(space.vocab_size, dtype=torch.bool)
        if space.eos_id is not None:
            eos[space.eos_id] = True
        self.register_buffer("allowed_bias", bias, persistent=False)
        self.register_buffer("eos_row", eos, persistent=False)
        self.register_buffer("stop_table", torch.as_tensor(space.stop.table).long(), persistent=False)

    @contextmanager
    def in_float32(self) -> Iterator[None]:
        """Within, the model computes in float32, whatever the engine says."""
        usual = self._architecture
        self._compute_by(usual.exact if isinstance(usual, HalfPrecision) else usual)
        try:
            yield
        finally:
            self._compute_by(usual)

    def _compute_by(self, architecture: Architecture) -> None:
        self._architecture, self._step = architecture, DecodingStep(architecture, self.model)

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return self.allowed_bias.device

    def hidden_matrices(self) -> list[Tensor]:
        """Return the weight matrices between embeddings and output head that learn."""
        head = self.model.get_output_embeddings()
        layers = [module for module in self.model.modules() if isinstance(module, nn.Linear | Conv1D)]
        return [layer.weight for layer in layers if layer is not head and layer.weight.requires_grad]

    def split(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Split observations [B, P + T] into prompts [B, P] and responses [B, T], int64.

        Raises:
            ConfigError: They are no whole numbers any more.
        """
        if observations.is_floating_point():
            raise ConfigError(
                f"Observations are token ids, got {observations.dtype}: take off the wrapper that changes them, such "
                "as VecNormalize(norm_obs=True)."
            )
        observations = observations.long()
        P = self.space.max_prompt_tokens
        return observations[:, :P], observations[:, P:]

    def states(self, prompts: Tensor, responses: Tensor) -> Tensor:
        """Return the hidden states before each of K response tokens and after the last, [B, K + 1, D]."""
        with learning_pass(self.model, self.engine):
            return self._architecture.states(prompts, responses)

    def read(self, prompts: Tensor) -> ReadPrompts:
        """Read U prompts for responses that share them, in one pass with gradients."""
        return self._architecture.read(prompts)

    def states_after(self, read: ReadPrompts, rows: Tensor, responses: Tensor) -> Tensor:
        """Return what :meth:`states` does for the prompts ``read[rows]``, rows int64 [B], which are not read again."""
        return self._architecture.states_after(read, rows, responses)

    def start(self, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts [B, P]; return the state of decoding and the hidden state before the first token, [B, D]."""
        return self._step.start(self, prompts)

    def advance(self, decoding: DecodingState | Timeline, tokens: Tensor) -> Tensor:
        """Read one token of each row, int64 [B]; return the hidden state before the next one, [B, D]."""
        return self._step(decoding, tokens, compiled=self.engine.compile)

    def current_state(self, observations: Tensor) -> tuple[Tensor, Before]:
        """Return the hidden state [B, D] after what stands in each observation, and what :meth:`before` gives."""
        prompts, responses = self.split(observations)
        ends = (responses >= 0).sum(dim=1)
        responses = responses[:, : int(ends.max())]
        rows = torch.arange(len(ends), device=ends.device)
        lengths = turn_lengths(responses, self.space.turn_id)[rows, ends]
        return self.states(prompts, responses)[rows, ends], self.before(lengths, prompts, responses, rows, ends)

    def before(self, lengths: Tensor, prompts: Tensor, responses: Tensor, rows: Tensor, ends: Tensor) -> Before:
        """Return what the distributions of N tokens depend on beside their hidden states.

        Args:
            lengths: int64 [N], how many tokens of the response, in a dialogue of the present turn, were written before.
            prompts: int64 [E, P].
            responses: int64 [E, K].
            rows: int64 [N], the text of each token.
            ends: int64 [N], how many columns of the response stand before it.
        """
        if not self.looks_back:
            return lengths
        read = prompts.new_tensor(self.start_ids).repeat(len(prompts), 1) if self.start_ids else prompts
        return Seen(lengths, torch.cat([read, responses], dim=1), rows, read.shape[1] + ends)

    @property
    def looks_back(self) -> bool:
        """Whether the distribution depends on which tokens stand before."""
        return self.repetition_penalty != 1

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the model's logits of the V tokens of the space, float32 [N, V], for hidden states [N, D]."""
        return logits_of(self.model, hidden, self.space.vocab_size)

    def log_distribution(self, hidden: Tensor, before: Before) -> Tensor:
        """Return the log-probabilities of the next token, float32 [N, V]; -inf where a token is not allowed.

        Args:
            hidden: [N, D].
            before: What :meth:`before` gives, which is int64 [N], the lengths, unless the network looks back.
        """
        return self.normalized(self.logits(hidden), before)

    def normalized(self, logits: Tensor, before: Before) -> Tensor:
        """Return what :meth:`log_distribution` does, from logits [N, V]."""
        return torch.log_softmax(self._allowed_logits(logits, before), dim=-1)

    def _allowed_logits(self, logits: Tensor, before: Before, actions: Tensor | None = None) -> Tensor:
        if self.looks_back:
            logits = penalised(logits, before, self.repetition_penalty)
        if self.temperature != 1:
            logits = logits / self.temperature
        if self.space.banned_tokens:
            logits = logits + self.allowed_bias
        if self.space.min_new_tokens:
            too_short = lengths_of(before) < self.space.min_new_tokens
            logits = logits.masked_fill(too_short[:, None] & self.eos_row, -torch.inf)
        return self.truncation(logits, actions) if self.truncation else logits

    def ends(self, tokens: Tensor, matched: Tensor) -> tuple[Tensor, Tensor]:
        """Return which responses end with their newest tokens, bool [B], and how far they match a stop string now.

        Args:
            tokens: int64 [B].
            matched: int64 [B], the state of the space's stop rule before them; 0 before the first token.
        """
        ended = torch.zeros_like(tokens, dtype=torch.bool) if self.space.eos_id is None else tokens == self.space.eos_id
        if not self.space.stop:
            return ended, matched
        matched = self.stop_table[matched, tokens]
        return ended | (matched == self.space.stop.stopped), matched

    def values(self, hidden: Tensor) -> Tensor:
        """Return the value of each hidden state, float32 [...] for [..., D]."""
        hidden = hidden.detach() if self.detach_value else hidden
        value: Tensor = self.value_head(hidden.to(next(self.value_head.parameters()).dtype)).squeeze(-1)
        return value.float()

    def evaluate(self, hidden: Tensor, before: Before, actions: Tensor) -> Evaluation:
        """Return value, log-probability and entropy of N actions, int64 [N], in hidden states [N, D]."""
        parameters = list(self.model.get_output_embeddings().parameters())
        width = width_of(before, self.space.vocab_size)
        chosen, entropies = chosen_and_entropy_of_head(self.allowed_logits, parameters, hidden, before, actions, width)
        return Evaluation(self.values(hidden), chosen, entropies)

    def log_probs(self, hidden: Tensor, before: Before, actions: Tensor) -> Tensor:
        """Return the log-probabilities alone that :meth:`evaluate` does, without gradients."""
        return chosen_log_probs(self.allowed_logits, hidden, before, actions, width_of(before, self.space.vocab_size))

    def allowed_logits(self, hidden: Tensor, before: Before, actions: Tensor | None = None) -> Tensor:
        """Return the logits [N, V] whose softmax is the policy, -inf where a token cannot come but for ``actions``."""
        return self._allowed_logits(self.logits(hidden), before, actions)

    def evaluate_sequences(self, observations: Tensor, own: Tensor, actions: Tensor) -> Evaluation:
        """Evaluate whole responses in one forward pass, or in parts where the memory is bounded.

        Args:
            observations: int [E, P + T], complete sequences.
            own: bool [E, T], which response positions hold the policy's own actions.
            actions: int64 [N], the tokens at those positions, row by row.
        """
        prompts, responses = self.split(observations)

        def work(rows: Tensor, tokens: Tensor) -> Evaluation:
            hidden, before = self.own_states(prompts[rows], responses[rows], own[rows])
            return self.evaluate(hidden, before, actions[tokens])

        return Evaluation(*in_parts(work, own, self.part_size))

    def own_states(self, prompts: Tensor, responses: Tensor, own: Tensor) -> tuple[Tensor, Before]:
        """Return the hidden states [N, D] before the own actions of whole sequences, row by row, and :meth:`before`.

        See :mod:`agents.models.whole_sequences`; with activations recomputed, models refuse a cache, and share nothing.

        Args:
            prompts: int64 [E, P].
            responses: int64 [E, T].
            own: bool [E, T].
        """
        share = self.shareable and not self.engine.checkpoint_activations
        with learning_pass(self.model, self.engine):
            hidden = own_states(self._architecture, Own(prompts, responses, own), share)
        rows, columns = own.nonzero(as_tuple=True)
        lengths = turn_lengths(responses, self.space.turn_id)[rows, columns]
        return hidden, self.before(lengths, prompts, responses, rows, columns)
