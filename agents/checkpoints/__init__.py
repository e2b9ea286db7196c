"""The whole state of learning in folders of safetensors and JSON, complete or absent."""
