"""The tracking plan: what a configuration, and an input, would put into Amplitude."""
