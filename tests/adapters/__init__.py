"""What the adapters take in and give out, against the real libraries and servers on loopback."""
