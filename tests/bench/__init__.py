"""How fast, against whom: run by a person on a quiet machine, never in CI."""
