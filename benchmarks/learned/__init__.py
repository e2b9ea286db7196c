"""Learned scorers against people: corpora with human judgements, the scorers, and the tables."""
