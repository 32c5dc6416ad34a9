"""Removes API keys and other credentials from whatever is stored."""
