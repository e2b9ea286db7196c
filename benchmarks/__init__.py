"""Commands behind every published number; see README.md in this folder."""
