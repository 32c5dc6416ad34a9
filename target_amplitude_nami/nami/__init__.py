"""The source's language: what Nami sends, and how to read it."""
