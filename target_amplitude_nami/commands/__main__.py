"""Runs `amplitude-nami` as `python -m target_amplitude_nami.commands`."""

from target_amplitude_nami.commands.main import main

main(prog_name="amplitude-nami")
