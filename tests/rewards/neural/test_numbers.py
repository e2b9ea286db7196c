"""Learned rewards give what the plain computation with transformers gives."""

import math

import numpy as np
import pytest
import torch
import transformers

from textgym import Sample, Task, make_reward, register_task
from textgym.errors import ModelError

REFERENCES = ("the cat sat on the mat", "a dog ran")
SAMPLE = Sample("no , the dog", REFERENCES)
TEXTS = ["the cat", "a dog ran fast .", "stock prices fell", "the the the the the the", "a dog ran"]


def plain(folder, auto):
    model = getattr(transformers, auto).from_pretrained(folder).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def states(folder, text, layer=-1):
    model, tokenizer = plain(folder, "AutoModel")
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[layer][0].numpy()


def logits(folder, *texts):
    model, tokenizer = plain(folder, "AutoModelForSequenceClassification")
    with torch.no_grad():
        return model(**tokenizer(*texts, return_tensors="pt")).logits[0].numpy()


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("against", ["references", "prompt"])
def test_embedding_similarity_is_the_cosine_of_pooled_states(folders, pooling, against):
    def pooled(text):
        found = states(folders["encoder"], text)
        return found.mean(0) if pooling == "mean" else found[0]

    options = {"pooling": pooling, "against": against, "model": folders["encoder"]}
    scores = make_reward({"name": "embedding_similarity", **options})(TEXTS, [SAMPLE] * len(TEXTS))
    others = REFERENCES if against == "references" else (SAMPLE.prompt,)
    expected = [max(0.0, *(cosine(pooled(text), pooled(other)) for other in others)) for text in TEXTS]
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def matched(folder, response, reference, layer=-1, idf=None):
    """Return precision and recall by loops over tokens, straight from the equations; marks do not count."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    one, other = states(folder, response, layer), states(folder, reference, layer)
    table = [[cosine(x, y) for y in other] for x in one]
    idf = idf or (lambda _: 1.0)

    def mean(best, ids):
        weights = [0.0, *(idf(i) for i in ids[1:-1]), 0.0]
        return sum(w * b for w, b in zip(weights, best, strict=True)) / sum(weights)

    precision = mean([max(row) for row in table], tokenizer(response)["input_ids"])
    recall = mean([max(column) for column in zip(*table, strict=True)], tokenizer(reference)["input_ids"])
    return precision, recall


@pytest.mark.parametrize("layer", [None, 1])
@pytest.mark.parametrize("value", ["f1", "precision", "recall"])
def test_token_matching_is_the_equations_of_bertscore(folders, value, layer):
    reward = make_reward({"name": "token_matching", "model": folders["encoder"], "value": value, "layer": layer})
    scores = reward(TEXTS, [SAMPLE] * len(TEXTS))
    expected = []
    for text in TEXTS:
        pairs = [matched(folders["encoder"], text, other, -1 if layer is None else layer) for other in REFERENCES]
        by_value = {"precision": 0, "recall": 1}
        expected.append(
            max(2 * p * r / (p + r) for p, r in pairs)
            if value == "f1"
            else max(pair[by_value[value]] for pair in pairs)
        )
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[-1] == pytest.approx(1.0, abs=1e-6)


def test_rare_tokens_weigh_more_and_unseen_ones_most(folders):
    texts = ["the cat sat", "the dog ran", "the mat ."]

    @register_task("idf-of-three")
    class Three(Task):
        def samples(self, split):
            return [Sample("a", (text,)) for text in texts]

    reward = make_reward({"name": "token_matching", "model": folders["encoder"], "idf": "idf-of-three"})
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["encoder"])

    def idf(token):
        holding = sum(token in tokenizer(text)["input_ids"] for text in texts)
        return math.log((len(texts) + 1) / (holding + 1))

    p, r = matched(folders["encoder"], "the cat fell", "the mat fell fast", idf=idf)
    score = reward(["the cat fell"], [Sample("a", ("the mat fell fast",))])[0]
    assert score == pytest.approx(2 * p * r / (p + r), abs=1e-5)


def test_a_baseline_stretches_what_is_above_it(folders):
    plainly = make_reward({"name": "token_matching", "model": folders["encoder"]})(TEXTS, [SAMPLE] * len(TEXTS))
    reward = make_reward({"name": "token_matching", "model": folders["encoder"], "baseline": 0.9})
    expected = np.clip((plainly - 0.9) / (1 - 0.9), 0, 1)
    np.testing.assert_allclose(reward(TEXTS, [SAMPLE] * len(TEXTS)), expected, atol=1e-6)


@pytest.mark.parametrize("reads", ["response", "pair"])
def test_classifier_is_the_softmax_and_for_independent_labels_the_sigmoid(folders, reads):
    def read(folder, text):
        return logits(folder, text) if reads == "response" else logits(folder, SAMPLE.prompt, text)

    reward = make_reward({"name": "classifier", "model": folders["labels"], "label": "good", "reads": reads})
    rows = [read(folders["labels"], text) for text in TEXTS]
    expected = [float(np.exp(row[2]) / np.exp(row).sum()) for row in rows]
    np.testing.assert_allclose(reward(TEXTS, [SAMPLE] * len(TEXTS)), expected, atol=1e-5)
    reward = make_reward({"name": "classifier", "model": folders["independent"], "label": 1, "reads": reads})
    expected = [1 / (1 + math.exp(-read(folders["independent"], text)[1])) for text in TEXTS]
    np.testing.assert_allclose(reward(TEXTS, [SAMPLE] * len(TEXTS)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["scalar", "decoder"])
def test_reward_model_is_the_models_number_within_bounds(folders, kind):
    options = {"model": folders[kind], "low": -0.5, "high": 0.25}
    scores = make_reward({"name": "reward_model", **options})(TEXTS, [SAMPLE] * len(TEXTS))
    expected = [float(logits(folders[kind], SAMPLE.prompt, text)[0]) for text in TEXTS]
    np.testing.assert_allclose(scores, np.clip(expected, -0.5, 0.25), atol=1e-5)
    wide = make_reward({"name": "reward_model", "model": folders[kind]})(TEXTS, [SAMPLE] * len(TEXTS))
    np.testing.assert_allclose(wide, expected, atol=1e-5)
    assert np.ptp(wide) > 0.01


@pytest.mark.parametrize("kind", ["scalar", "decoder"])
def test_preference_is_bradley_terry_against_the_best_reference(folders, kind):
    scores = make_reward({"name": "preference", "model": folders[kind]})(TEXTS, [SAMPLE] * len(TEXTS))

    def value(text):
        return float(logits(folders[kind], SAMPLE.prompt, text)[0])

    best = max(map(value, REFERENCES))
    np.testing.assert_allclose(scores, [1 / (1 + math.exp(best - value(text))) for text in TEXTS], atol=1e-5)


@pytest.mark.parametrize("given", ["nothing", "prompt"])
def test_perplexity_is_the_geometric_mean_of_the_tokens_probabilities(folders, given):
    model, tokenizer = plain(folders["language"], "AutoModelForCausalLM")
    expected = []
    for text in TEXTS:
        before = [4, *(tokenizer(SAMPLE.prompt)["input_ids"] if given == "prompt" else [])]
        own = tokenizer(text)["input_ids"]
        with torch.no_grad():
            table = model(torch.tensor([before + own])).logits[0].log_softmax(-1)
        chosen = [float(table[len(before) + i - 1, token]) for i, token in enumerate(own)]
        expected.append(math.exp(sum(chosen) / len(chosen)))
    reward = make_reward({"name": "perplexity", "model": folders["language"], "given": given})
    np.testing.assert_allclose(reward(TEXTS, [SAMPLE] * len(TEXTS)), expected, atol=1e-6)


def test_a_long_context_loses_its_beginning_and_a_long_text_its_end(folders):
    reward = make_reward({"name": "perplexity", "model": folders["language"], "given": "prompt"})
    network = reward.network
    near = "the cat sat on the mat a dog ran fast . no"
    long = "stock " * 100 + near
    both = network.mean_log_probability([long, " ".join(long.split()[-30:])], ["yes .", "yes ."])
    assert both[0] == pytest.approx(both[1], abs=1e-6)
    long_text = network.mean_log_probability(["a", "a"], ["the " * 32, "the " * 500])
    assert long_text[0] == pytest.approx(long_text[1], abs=1e-6)


def test_the_packaged_encoder_knows_a_paraphrase():
    try:
        similarity, matching = make_reward("embedding_similarity"), make_reward("token_matching(baseline=0.3)")
    except ModelError as error:
        pytest.skip(str(error))
    sample = Sample("a", ("A cat is sitting on the mat.",))
    for reward in (similarity, matching):
        same, near, far = reward(
            ["A cat is sitting on the mat.", "The cat sits on a rug.", "Shares fell."], [sample] * 3
        )
        assert same == pytest.approx(1.0, abs=1e-5)
        assert near > far + 0.3
