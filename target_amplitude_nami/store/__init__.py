"""Keeps users, sent states, delivered events and held records between runs."""
