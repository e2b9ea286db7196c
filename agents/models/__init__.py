"""Language models, how a response is written with one, and where a model comes from."""
