"""Records come in: the Singer target, its messages and files."""
