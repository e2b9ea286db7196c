"""GRPO and RLOO have TRL's advantages, losses and gradients on the very tensors that its trainers learn from."""

import numpy as np
import pytest
import torch

from agents.algorithms.grpo import grpo_loss
from agents.algorithms.rloo import rloo_loss
from agents.learning.returns import group_advantages, leave_one_out_advantages
from agents.learning.token_batch import TokenBatch
from agents.policy import Sequences

trl = pytest.importorskip("trl", reason="the extra 'peers' is not installed")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")

G, T, CLIP = 4, 6, 0.1
LETTERS = "abcdefgh"


@pytest.fixture
def model(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    torch.manual_seed(0)
    vocabulary = {letter: i for i, letter in enumerate(LETTERS)} | {"<eos>": len(LETTERS)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.decoder = decoders.Fuse()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
    eos = len(LETTERS)
    ids = {"bos_token_id": eos, "eos_token_id": eos, "pad_token_id": eos}
    config = transformers.GPT2Config(
        vocab_size=9, n_positions=32, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **ids
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    return str(tmp_path)


def learned(kind, model, folder, check, **options):
    """Let a TRL trainer pass twice over a rollout; show each loss to ``check(inputs, log_probs, loss, gradient)``."""
    base = getattr(trl, f"{kind}Trainer")

    class Spy(base):
        def _compute_loss(self, model, inputs):
            ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
            mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
            log_probs, *_ = self._get_per_token_logps_and_entropies(model, ids, mask, inputs["completion_ids"].size(1))
            loss = super()._compute_loss(model, inputs)
            parameters = [p for p in model.parameters() if p.requires_grad]
            check(inputs, log_probs, loss, lambda of: torch.autograd.grad(of, parameters, retain_graph=True))
            return loss

    def rewards(prompts, completions, **_):
        scores = [sum(map(ord, text)) % 7 / 7 for text in completions]
        paid.extend(scores)
        return scores

    paid: list[float] = []
    config = getattr(trl, f"{kind}Config")(
        output_dir=str(folder / "run"),
        per_device_train_batch_size=2 * G,
        num_generations=G,
        max_completion_length=T,
        num_iterations=2,
        max_steps=2,
        learning_rate=3e-2,
        epsilon=CLIP,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
        **options,
    )
    data = datasets.Dataset.from_dict({"prompt": ["ab", "cde", "f", "gh"]})
    trainer = Spy(model=model, reward_funcs=[rewards], args=config, train_dataset=data)
    trainer.model.eval()  # no dropout is set, so that train() changes nothing
    trainer.train()
    return np.array(paid, dtype=np.float32)


def batch_of(inputs, old, reference):
    """Return what a TRL trainer learns from as a batch of ours; ``old`` and ``reference`` are [E, T]."""
    own = inputs["completion_mask"].bool()
    lengths = own.sum(dim=1)
    return TokenBatch(
        Sequences(inputs["completion_ids"], own),
        inputs["completion_ids"][own],
        torch.arange(len(own)).repeat_interleave(lengths),
        old[own],
        torch.zeros_like(old[own]) if reference is None else reference[own],
        inputs["advantages"],
        lengths,
        len(own),
        int(lengths.sum()),
    ), own


def assert_equal(ours, loss, gradient):
    torch.testing.assert_close(ours.loss, loss, atol=1e-6, rtol=1e-5)
    for mine, theirs in zip(gradient(ours.loss), gradient(loss), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")  # of TRL's own
@pytest.mark.parametrize(
    ("loss_type", "mean", "beta"),
    [("dapo", "tokens", 0.0), ("grpo", "responses", 0.0), ("dr_grpo", "limit", 0.0), ("dapo", "tokens", 0.3)],
)
def test_grpo_has_the_advantages_loss_and_gradient_of_trl(model, tmp_path, loss_type, mean, beta):
    advantages, clipped = [], []

    def check(inputs, log_probs, loss, gradient):
        old = inputs.get("old_per_token_logps")
        batch, own = batch_of(inputs, log_probs.detach() if old is None else old, inputs.get("ref_per_token_logps"))
        options = {"clip_range": CLIP, "clip_range_high": CLIP, "kl_coef": beta, "mean": mean, "max_new_tokens": T}
        ours = grpo_loss(batch, log_probs[own], **options)
        assert_equal(ours, loss, gradient)
        advantages.append(np.sort(inputs["advantages"]))
        clipped.append(int(ours.clipped))

    paid = learned("GRPO", model, tmp_path, check, loss_type=loss_type, beta=beta)
    assert len(clipped) == 2
    assert clipped[1] > 0  # the second pass is off the policy that wrote the responses
    for theirs in advantages:
        np.testing.assert_allclose(np.sort(group_advantages(paid, G)), theirs, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_rloo_has_the_advantages_loss_and_gradient_of_trl(model, tmp_path, beta):
    advantages, clipped = [], []

    def check(inputs, log_probs, loss, gradient):
        mask = inputs["completion_mask"]
        now = log_probs.detach() * mask
        old = now * (inputs["old_logps"] / now.sum(1))[:, None]  # only the sum of a response counts
        batch, own = batch_of(inputs, old, None)
        ours = rloo_loss(batch, log_probs[own], CLIP)
        assert_equal(ours, loss, gradient)
        advantages.append(np.sort(inputs["advantages"]))
        clipped.append(int(ours.clipped))

    paid = learned("RLOO", model, tmp_path, check, beta=beta)
    assert len(clipped) == 2
    assert clipped[1] > 0
    for theirs in advantages:  # the reference is the policy that wrote the responses: it takes nothing off
        np.testing.assert_allclose(np.sort(leave_one_out_advantages(paid, G)), theirs, atol=1e-5)
