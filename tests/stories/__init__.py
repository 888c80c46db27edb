"""The whole bot at work, with the world's faults."""
