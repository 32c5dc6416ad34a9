"""Writes what arrives to one SQLite file."""
