"""TRL's trainers at their fastest settings: float32, no gradient checkpointing, no dropout, no logging.

Frozen: what is measured against must not move while ours does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.throughput.ending import ForcedEnds

Kind = Literal["grpo", "rloo"]


@dataclass(frozen=True)
class Setting:
    """What a trainer does.

    Attributes:
        words: Its tokens are w0, w1, ..., so many; one more is the eos.
        rows: Responses per step.
        response: T, the most tokens of a response; all have as many unless ``ends`` is given.
        beta: Weight of the KL divergence from the reference.
        group: Responses per prompt.
        steps: Of the optimizer.
        rate: The learning rate.
        ends: Where responses end.
    """

    words: int
    rows: int
    response: int
    beta: float
    group: int = 4
    steps: int = 1
    rate: float = 1e-5
    ends: ForcedEnds | None = None


@dataclass
class FreeReward:
    """Gives response i of N the reward i / N, and counts the tokens that it is shown.

    Attributes:
        tokens: The tokens of each step's responses.
    """

    tokens: list[int] = field(default_factory=list)
    __name__ = "free"

    def __call__(self, completions: list[Any], completion_ids: list[list[int]], **_: Any) -> list[float]:
        """Return the rewards."""
        self.tokens.append(sum(map(len, completion_ids)))
        return [i / len(completions) for i in range(len(completions))]


def make_trainer(
    kind: Kind,
    folder: Path,
    model: PreTrainedModel,
    prompts: list[str],
    setting: Setting,
    reward: FreeReward,
    callbacks: list[Any] | None = None,
) -> Any:
    """Return the trainer of a copy of a model.

    Args:
        kind: Which trainer.
        folder: For the copy.
        model: A language model.
        prompts: Texts of its words.
        setting: What to do.
        reward: Judges, and counts.
        callbacks: Of the trainer.
    """
    import trl
    from datasets import Dataset

    assert model.generation_config is not None
    model.generation_config.eos_token_id = None  # a pretrained model's own end, here a word like the others
    model.save_pretrained(folder)
    _tokenizer(setting.words).save_pretrained(folder)
    config = getattr(trl, f"{kind.upper()}Config")(
        output_dir=str(folder / "run"),
        per_device_train_batch_size=setting.rows,
        num_generations=setting.group,
        max_completion_length=setting.response,
        generation_kwargs=None if setting.ends else {"min_new_tokens": setting.response},
        beta=setting.beta,
        learning_rate=setting.rate,
        max_steps=setting.steps,
        disable_dropout=True,
        gradient_checkpointing=False,
        report_to=[],
        logging_strategy="no",
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        bf16=False,
    )
    trainer = getattr(trl, f"{kind.upper()}Trainer")(
        model=str(folder),
        reward_funcs=[reward],
        args=config,
        train_dataset=Dataset.from_dict({"prompt": prompts or ["w0"]}),
        callbacks=callbacks,
    )
    if setting.ends:
        _force(trainer.model, setting.ends, setting.words)
    return trainer


def _force(model: Any, ends: ForcedEnds, eos: int) -> None:
    generate = model.generate

    def forced(*args: Any, **options: Any) -> Any:
        ends.eos, ends.width = eos, options["input_ids"].shape[1]
        return generate(*args, logits_processor=LogitsProcessorList([ends]), **options)

    model.generate = forced


def _tokenizer(words: int) -> PreTrainedTokenizerFast:
    vocabulary = {f"w{i}": i for i in range(words)} | {"<eos>": words}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
