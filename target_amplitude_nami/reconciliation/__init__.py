"""Compares what was delivered with what Amplitude's Export API says that it has."""
