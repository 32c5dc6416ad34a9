"""Reads the SQLite file: summaries, lists, charts and exported events."""
