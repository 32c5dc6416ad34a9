"""Delivers a rejects file again: what is settled leaves it, the rest stays."""
