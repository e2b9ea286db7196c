"""Very long texts against the libraries that define the metrics."""

import random

import jiwer
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF, TER

from tests.rewards.texts import PIECES, SCRIPTS
from textgym import Sample, make_reward

BLEU_SCORE, CHRF_SCORE, CHRFPP_SCORE = BLEU(effective_order=True), CHRF(), CHRF(word_order=2)
ROUGE = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=True)
ORACLES = {  # the words that the library can judge within seconds, and its score
    "bleu": (100_000, lambda h, r: BLEU_SCORE.sentence_score(h, [r]).score / 100),
    "chrf": (100_000, lambda h, r: CHRF_SCORE.sentence_score(h, [r]).score / 100),
    "chrf(word_order=2)": (100_000, lambda h, r: CHRFPP_SCORE.sentence_score(h, [r]).score / 100),
    "rouge1(use_stemmer=True)": (1_500, lambda h, r: ROUGE.score(r, h)["rouge1"].fmeasure),
    "rouge2(use_stemmer=True)": (1_500, lambda h, r: ROUGE.score(r, h)["rouge2"].fmeasure),
    "rougeL(use_stemmer=True)": (1_500, lambda h, r: ROUGE.score(r, h)["rougeL"].fmeasure),
    "rougeLsum(use_stemmer=True)": (1_500, lambda h, r: ROUGE.score(r, h)["rougeLsum"].fmeasure),
    "wer": (5_000, lambda h, r: max(0.0, 1 - jiwer.wer(r, h))),
    "cer": (1_000, lambda h, r: max(0.0, 1 - jiwer.cer(r, h))),
    "ter": (120, lambda h, r: max(0.0, 1 - TER().sentence_score(h, [r]).score / 100)),
}
WORDS = [*" ".join(SCRIPTS).split(), *(piece for piece in PIECES if piece.strip()), *(f"word{i}" for i in range(60))]


def long_pair(count, seed=0):
    """Return a reference of ``count`` words in many scripts, with sentence ends, and a damaged copy."""
    rng = random.Random(seed)
    reference = rng.choices(WORDS, k=count)
    response = [rng.choice(WORDS) if rng.random() < 0.2 else word for word in reference if rng.random() > 0.1]
    start = rng.randrange(len(response) // 2)
    moved = response[start : start + 9]
    del response[start : start + 9]
    return " ".join([*response, *moved]), " ".join(reference)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ORACLES)
def test_very_long_texts_are_scored_as_the_library_does(spec):
    count, oracle = ORACLES[spec]
    response, reference = long_pair(count)
    score = make_reward(spec)([response], [Sample("", reference)])
    assert score == pytest.approx([oracle(response, reference)], abs=1e-9)
    assert 0.2 < score[0] < 0.99
