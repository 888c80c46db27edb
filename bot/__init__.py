"""What the bot does with a message or a command; the world is behind ports."""
