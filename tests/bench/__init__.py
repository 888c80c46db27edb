"""How fast, against whom, and how fair: run by a person on a quiet machine, never in CI."""
