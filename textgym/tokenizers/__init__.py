"""Tokenizers: text to ids and back. Bytes, characters, words, trained byte pairs, and any Hugging Face tokenizer."""

from textgym.tokenizers.base import PieceTokenizer, Tokenizer, well_formed
from textgym.tokenizers.bpe import BPETokenizer
from textgym.tokenizers.bytes import ByteTokenizer
from textgym.tokenizers.characters import CharTokenizer
from textgym.tokenizers.factory import make_tokenizer, tokenizer_from_json
from textgym.tokenizers.huggingface import HuggingFaceTokenizer
from textgym.tokenizers.incremental import IncrementalDecoder, settled
from textgym.tokenizers.training import train_bpe
from textgym.tokenizers.words import WordTokenizer

__all__ = [
    "Tokenizer",
    "PieceTokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "WordTokenizer",
    "BPETokenizer",
    "HuggingFaceTokenizer",
    "make_tokenizer",
    "tokenizer_from_json",
    "train_bpe",
    "IncrementalDecoder",
    "settled",
    "well_formed",
]
