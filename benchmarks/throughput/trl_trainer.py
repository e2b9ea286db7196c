"""TRL's GRPO trainer at its fastest settings: float32, no gradient checkpointing, no logging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedModel, PreTrainedTokenizerFast


def make_trainer(
    folder: Path,
    model: PreTrainedModel,
    words: int,
    prompts: list[str],
    *,
    rows: int,
    response: int,
    group: int = 4,
    steps: int = 1,
    beta: float,
    rate: float = 1e-5,
    callbacks: list[Any] | None = None,
) -> Any:
    """Return the trainer of a copy of a model.

    Args:
        folder: For the copy.
        model: A language model.
        words: Its tokens are w0, w1, ..., so many; one more is the eos.
        prompts: Texts of these words.
        rows: Responses per step.
        response: T, all of which every response has.
        group: Responses per prompt.
        steps: Of the optimizer.
        beta: Weight of the KL divergence.
        rate: The learning rate.
        callbacks: Of the trainer.
    """
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer  # type: ignore[attr-defined]

    model.save_pretrained(folder)
    _tokenizer(words).save_pretrained(folder)
    config = GRPOConfig(
        output_dir=str(folder / "run"),
        per_device_train_batch_size=rows,
        num_generations=group,
        max_completion_length=response,
        generation_kwargs={"min_new_tokens": response},
        beta=beta,
        learning_rate=rate,
        max_steps=steps,
        gradient_checkpointing=False,
        report_to=[],
        logging_strategy="no",
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        bf16=False,
    )
    return GRPOTrainer(
        model=str(folder),
        reward_funcs=[_free],  # type: ignore[list-item]
        args=config,
        train_dataset=Dataset.from_dict({"prompt": prompts or ["w0"]}),
        callbacks=callbacks,
    )


def _free(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
    return [i / len(completions) for i in range(len(completions))]


def _tokenizer(words: int) -> PreTrainedTokenizerFast:
    vocabulary = {f"w{i}": i for i in range(words)} | {"<eos>": words}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
