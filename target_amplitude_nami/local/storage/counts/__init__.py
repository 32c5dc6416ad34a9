"""Counts, as events are stored, what would take long to count when somebody asks."""
