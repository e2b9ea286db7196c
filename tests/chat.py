"""A tokenizer as instruct models have it, small enough for every test: bytes, turns marked by special tokens."""

from typing import Any

from tokenizers import Tokenizer as Model
from tokenizers import decoders, models, pre_tokenizers

from textgym.tokenizers.pieces import byte_letters

START, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ bos_token + 'system\nBe brief.' + eos_token + '\n' }}{% endif %}"
    "{{ bos_token + message['role'] + '\n' + message['content'] | trim + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% if think is defined and not think %}"
    "{{ '<think></think>' }}{% endif %}{% endif %}"
)


def chat_tokenizer(template: str | dict[str, str] | None = TEMPLATE) -> Any:
    """Return a transformers tokenizer of 258 ids: the bytes, and the marks of turns, of which one ends a response."""
    from transformers import PreTrainedTokenizerFast

    model = Model(models.BPE({letter: i for i, letter in enumerate(byte_letters())}, []))
    model.pre_tokenizer, model.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    model.add_special_tokens([START, END])
    return PreTrainedTokenizerFast(tokenizer_object=model, bos_token=START, eos_token=END, chat_template=template)
