"""Erases a person from files: who they are, where they are named, and how traces go."""
