"""One metric on responses: over the corpus and as a mean over sentences, with bootstrap intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.evaluation.report import Score
from textgym import Reward, Sample
from textgym.core import FloatArray
from textgym.rewards.judge import judge
from textgym.statistics import bootstrap_interval


def score_responses(
    reward: Reward,
    responses: Sequence[str],
    samples: Sequence[Sample],
    seed: int = 0,
    *,
    group: int = 1,
    spec: Any = None,
) -> Score:
    """Return the corpus score and the mean sentence score of responses, with 95% bootstrap intervals.

    Args:
        reward: The metric.
        responses: N * G texts.
        samples: What each of them answers.
        seed: Of the bootstrap.
        group: G, how many responses to the same sample stand together. They stay together in every resample, since
            they are no independent draws.
        spec: What the metric was made from, to be written down where JSON can hold it.

    Raises:
        RewardError: The metric broke its contract.
    """
    sentences = judge(reward, responses, samples)
    statistics = _summed(reward.statistics(responses, samples), group)
    corpus = float(reward.aggregate(statistics.sum(axis=0), len(responses)))
    corpus_interval = bootstrap_interval(
        statistics, lambda totals, count: reward.aggregate(totals, count * group), np.random.default_rng(seed)
    )
    sentence_interval = bootstrap_interval(
        _summed(sentences[:, None], group) / group,
        lambda totals, count: totals[..., 0] / count,
        np.random.default_rng(seed),
    )
    scale = reward.scale
    return Score(
        name=reward.name,
        corpus=scale * corpus,
        corpus_interval=(scale * corpus_interval[0], scale * corpus_interval[1]),
        corpus_signature=reward.corpus_signature,
        sentence=scale * float(sentences.mean()),
        sentence_interval=(scale * sentence_interval[0], scale * sentence_interval[1]),
        signature=reward.signature,
        spec=_plain(spec),
        sentences=tuple((scale * sentences).tolist()),
    )


def _summed(rows: FloatArray, group: int) -> FloatArray:
    """Return the sums of every ``group`` rows in succession, [N, K] from [N * G, K]."""
    sums: FloatArray = np.asarray(rows, np.float64).reshape(-1, group, rows.shape[1]).sum(axis=1)
    return sums


def _plain(spec: Any) -> Any:
    """Return what a reward was made from if JSON can hold it."""
    if not isinstance(spec, (str, Mapping)):
        return None
    try:
        return json.loads(json.dumps(spec))
    except (TypeError, ValueError):
        return None
