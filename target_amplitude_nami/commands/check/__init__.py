"""`amplitude-nami check`: says before a run what would go wrong in it."""
