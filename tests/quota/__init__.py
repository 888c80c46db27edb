"""Tests of the quota room: tables and properties."""
