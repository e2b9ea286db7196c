"""A network that reads a prompt and a draft, and says which edit comes next: a kind, a place, a token."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from agents.models.architectures import trim_left
from agents.models.edit_distribution import EditDistribution
from agents.models.pretrained import checked_config
from textgym.editing import DELETE, INSERT, KINDS, REPLACE, STOP, EditSpace
from textgym.errors import ConfigError, ModelError

READS = ("input_ids", "attention_mask", "position_ids", "token_type_ids")


class PointerNetwork(nn.Module):
    """A transformer encoder with heads for kind, position, token and value.

    It reads the prompt, then a mark, the draft and another mark. The state at the first mark tells the kind and the
    value; the state at a token, with that of its left neighbour, what should be done there; that at the last mark what
    should be appended. Positions count from the first token of each part, so padding changes no number.

    Args:
        space: The observation space.
        config: Of a Hugging Face encoder from scratch, such as ``{"model_type": "bert", "hidden_size": 64, ...}``.

    Raises:
        ModelError: There is no such model, or it is none that reads both ways.
    """

    is_kind: Tensor
    is_written: Tensor

    def __init__(self, space: EditSpace, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.space = space
        self.encoder = _make_encoder(space, config)
        width = int(self.encoder.config.hidden_size)
        self.site = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())
        self.kind_head = nn.Linear(width + 1, len(KINDS))
        self.position_head = nn.Linear(width, len(KINDS))
        self.kind_embedding = nn.Embedding(len(KINDS), width)
        self.token_layer = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.token_bias = nn.Parameter(torch.zeros(space.vocab_size))
        self.value_head = nn.Linear(width + 1, 1)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self.register_buffer("is_kind", torch.as_tensor(space.is_kind), persistent=False)
        self.register_buffer("is_written", torch.as_tensor(space.is_written), persistent=False)

    def forward(self, observations: Tensor) -> tuple[EditDistribution, Tensor]:
        """Return the distribution of the next edit and the values, float32 [B], of observations [B, P + N + 1].

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
        drafts = observations[:, P:-1]
        states = self._states(observations[:, :P], drafts)
        left = observations[:, -1:].float() / self.space.max_edits
        whole = torch.cat([states[:, 0], left], dim=1)
        sites = self.site(torch.cat([states[:, 1:], states[:, :-1]], dim=2))[:, : self.space.max_draft_tokens]
        legal = self.legal_positions(drafts)
        distribution = self._distribution(whole, sites, drafts, legal)
        return distribution, self.value_head(whole).squeeze(1)

    def _states(self, prompts: Tensor, drafts: Tensor) -> Tensor:
        """Return the states of the first mark, the draft's columns and the last mark, [B, K + 2, D]."""
        prompts, lengths = trim_left(prompts), (drafts >= 0).sum(dim=1)
        K = int(lengths.max())
        marked = nn.functional.pad(drafts[:, :K], (1, 1), value=-1)
        marked[:, 0] = self.space.vocab_size
        marked[torch.arange(len(marked), device=marked.device), lengths + 1] = self.space.vocab_size + 1
        ids = torch.cat([prompts, marked], dim=1)
        mask = ids >= 0
        places = torch.arange(K + 2, device=ids.device).expand(len(ids), -1)
        of_prompt = ((prompts >= 0).cumsum(dim=1) - 1).clamp(min=0)
        kinds = torch.zeros_like(ids)
        kinds[:, prompts.shape[1] :] = 1
        output = self.encoder(
            input_ids=ids.clamp(min=0),
            attention_mask=mask.long(),
            position_ids=torch.cat([of_prompt, places], dim=1),
            token_type_ids=kinds,
        )
        states: Tensor = output.last_hidden_state[:, prompts.shape[1] :]
        return states

    def _distribution(self, whole: Tensor, sites: Tensor, drafts: Tensor, legal: Tensor) -> EditDistribution:
        possible = legal.any(dim=2)
        kinds = torch.log_softmax(self.kind_head(whole).masked_fill(~possible, -torch.inf), dim=1)
        scores = torch.zeros(legal.shape, device=legal.device)
        scores[:, :, : sites.shape[1]] = self.position_head(sites).transpose(1, 2)
        open_ = legal.clone()
        open_[:, :, 0] |= ~possible  # softmax over nothing is NaN; such a kind has probability 0
        positions = torch.log_softmax(scores.masked_fill(~open_, -torch.inf), dim=2)

        def tokens(rows: Tensor, kinds: Tensor, positions: Tensor) -> Tensor:
            seen = positions.clamp(max=sites.shape[1] - 1)  # what lies beyond is illegal, whatever its token
            hidden = self.token_layer(sites[rows, seen] + self.kind_embedding(kinds))
            embeddings = cast(nn.Embedding, self.encoder.get_input_embeddings()).weight[: self.space.vocab_size]
            logits = hidden @ embeddings.T / math.sqrt(embeddings.shape[1]) * EMBEDDING_SCALE + self.token_bias
            allowed = self.is_written.expand(len(rows), -1).clone()
            replaced = torch.nonzero(kinds == REPLACE).squeeze(1)
            allowed[replaced, drafts[rows[replaced], positions[replaced]].clamp(min=0)] = False
            allowed[:, 0] |= ~allowed.any(dim=1)  # nothing may stand there: the position is illegal already
            return torch.log_softmax(logits.masked_fill(~allowed, -torch.inf), dim=1)

        return EditDistribution(kinds, positions, tokens)

    def legal_positions(self, drafts: Tensor) -> Tensor:
        """Return where an edit of each kind has a legal token, bool [B, 4, N]; as ``EditSpace.legal_positions``."""
        N = self.space.max_draft_tokens
        n = (drafts >= 0).sum(dim=1, keepdim=True)
        columns = torch.arange(N, device=drafts.device)
        inside = columns < n
        others = self.is_written.sum() - (self.is_written[drafts.clamp(min=0)] & inside).long()
        legal = torch.zeros(len(drafts), len(KINDS), N, dtype=torch.bool, device=drafts.device)
        legal[:, STOP, 0] = True
        legal[:, INSERT] = (columns <= n) & (n < N)
        legal[:, REPLACE] = inside & (others > 0)
        legal[:, DELETE] = inside
        return legal & self.is_kind[:, None]


NO_MARKS = {"pad_token_id": None, "bos_token_id": None, "eos_token_id": None}
EMBEDDING_SCALE = 8.0  # a fresh embedding's numbers are about 0.02, whose products would hardly differ


def _make_encoder(space: EditSpace, config: Mapping[str, Any]) -> PreTrainedModel:
    """Return an encoder whose vocabulary is the space's and two marks, with positions for the longer part."""
    options = dict(config)
    kind = options.pop("model_type", None)
    if kind is None:
        raise ModelError(f"An encoder from scratch needs 'model_type', such as 'bert': {options}.")
    checked_config(kind, options)
    positions = max(space.max_prompt_tokens, space.max_draft_tokens + 2)
    sizes = {"vocab_size": space.vocab_size + 2, "max_position_embeddings": positions, "type_vocab_size": 2}
    try:
        made = AutoConfig.for_model(kind, **{**sizes, **NO_MARKS, **options})
        model: PreTrainedModel = AutoModel.from_config(made)
    except Exception as error:  # configurations refuse values, and models sizes, each with errors of its own
        raise ModelError(f"No encoder {kind!r} can be made with {options}: {error}") from error
    reads = inspect.signature(model.forward).parameters
    if made.is_encoder_decoder or not all(name in reads for name in READS):
        raise ModelError(f"A pointer needs an encoder that reads {', '.join(READS)}, such as 'bert', got {kind!r}.")
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # type: ignore[assignment]
    _check_reads_both_ways(model.eval(), kind)
    return model


@torch.no_grad()
def _check_reads_both_ways(model: PreTrainedModel, kind: str) -> None:
    one, other = (model(input_ids=torch.tensor([[0, last]])).last_hidden_state[0, 0] for last in (0, 1))
    if torch.equal(one, other):
        raise ModelError(f"A pointer needs an encoder that reads both ways, such as 'bert'; {kind!r} reads one way.")
