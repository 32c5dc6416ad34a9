"""The destination's language: what Amplitude accepts and how it answers."""
