"""Tiny models of random weights, saved as anyone's are: what a learned reward reads from a folder."""

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<s>", "</s>"]
NOUNS = ["cat", "mat", "dog", "stock", "prices"]
WORDS = [*MARKS, *NOUNS, "the", "a", "sat", "on", "ran", "fast", "fell", ".", ",", "no", "yes", "not"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def tokenizer(marks: bool) -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer of words, with BERT's marks or with none."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    if marks:
        single, pair = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"
        words.post_processor = processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        special |= {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    else:
        special |= {"bos_token": "<s>", "eos_token": "</s>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=32, **special)


def save(folder, model, marks=True):
    model.save_pretrained(folder)
    tokenizer(marks).save_pretrained(folder)
    return str(folder)


def bert(kind, spread=0.5, **options):
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **SIZES, **options)
    config.initializer_range = spread  # by default so much that different texts get clearly different numbers
    return kind(config)


def llama(kind, **options):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        max_position_embeddings=32,
        bos_token_id=4,
        eos_token_id=5,
        pad_token_id=0,
        **SIZES,
        **options,
    )
    config.initializer_range = 0.5
    return kind(config)


def t5():
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
    return transformers.T5Model(transformers.T5Config(vocab_size=len(WORDS), decoder_start_token_id=0, **sizes))
