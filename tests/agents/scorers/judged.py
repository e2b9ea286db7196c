"""Made-up judgments: stock prices that fall are liked best."""

import json

from agents.scorers import ScorerConfig

NOUNS = ["cat", "mat", "dog", "stock", "prices"]
VERBS = ["sat", "ran", "fell"]
FILLERS = ["fast", ".", ",", "no", "yes", "not", "on", "a", "stock", "prices"]


def sentence(rng):
    words = [
        str(rng.choice(["the", "a"])),
        str(rng.choice(NOUNS)),
        str(rng.choice(VERBS)),
        str(rng.choice(["fast", "."])),
    ]
    return " ".join(words), float(words[1] in ("stock", "prices")) + 0.5 * float(words[2] == "fell")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def config(data, encoder, tmp_path, target="regression", **options):
    return ScorerConfig(data[target], str(tmp_path / "scorer"), target, encoder=encoder, test=0.2, **options)
