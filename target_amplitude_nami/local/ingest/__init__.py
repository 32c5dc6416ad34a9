"""Decides like Amplitude what becomes of a request: refusal, or events and users."""
