"""What outlives a run: users, sent states, delivered events, held records."""
