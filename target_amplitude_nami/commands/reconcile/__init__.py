"""The subcommand `amplitude-nami reconcile`."""

from target_amplitude_nami.commands.reconcile.command import command

__all__ = ["command"]
