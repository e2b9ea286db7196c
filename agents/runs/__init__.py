"""A training run: its folder, its phases, where it goes on, and what each phase has brought."""
