"""Serves the page: its static files, its JSON API and its live stream."""
