"""TRL's trainers take an exported task and reward, and learn from them."""

import pytest

from tests.tiny import TOKENIZER
from textgym import Sample, make_reward
from textgym.export import to_dataset, trl_dataset, trl_reward

torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl", reason="the extra 'peers' is not installed")


@pytest.fixture
def model(tmp_path):
    """A folder with a tiny model that knows the letters of the tiny task."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)
    letters = {letter: i for i, letter in enumerate("abcdefgh ")}
    inner = Tokenizer(models.WordLevel(letters | {"<eos>": len(letters)}, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
    ids = {"bos_token_id": 9, "eos_token_id": 9, "pad_token_id": 9}
    config = GPT2Config(vocab_size=10, n_positions=32, n_embd=16, n_layer=1, n_head=2, **ids)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.mark.filterwarnings("ignore")  # of TRL's own
@pytest.mark.parametrize("algorithm", ["GRPO", "RLOO"])
def test_a_trainer_takes_a_step(model, tmp_path, algorithm):
    assert TOKENIZER.encode("ab") == [0, 1]
    seen = []
    reward = trl_reward("tiny-overlap")

    def watched(prompts, completions, **columns):
        scores = reward(prompts, completions, **columns)
        seen.extend(zip(prompts, completions, scores, strict=True))
        return scores

    arguments = getattr(trl, f"{algorithm}Config")(
        output_dir=str(tmp_path / "run"),
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=5,
        max_steps=1,
        learning_rate=1e-2,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = getattr(trl, f"{algorithm}Trainer")(
        model=model, reward_funcs=[watched], args=arguments, train_dataset=trl_dataset("tiny")
    )
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.train()
    assert len(seen) == 4
    samples = {row["prompt"]: row for row in to_dataset("tiny")}
    for prompt, completion, score in seen:
        sample = Sample(prompt, samples[prompt]["references"])
        assert score == make_reward("tiny-overlap")([completion], [sample])[0]
    assert len({score for *_, score in seen}) > 1  # or there would be nothing to learn
    assert any(not torch.equal(value, before[name]) for name, value in trainer.model.named_parameters())
