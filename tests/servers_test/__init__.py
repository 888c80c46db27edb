"""Tests of the test servers: a fake that accepts everything proves nothing."""
