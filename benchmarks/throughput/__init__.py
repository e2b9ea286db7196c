"""How fast environments, rollouts and whole iterations are, each against what users have without this library."""
