"""`amplitude-nami forget`: erases one person from all that runs have left behind."""
