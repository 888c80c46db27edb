"""Servers of our own on loopback, for tests of what talks to the outside."""
