"""What may be spent, by whom, in which period: pure, standard library only, no I/O."""
