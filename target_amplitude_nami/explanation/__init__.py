"""Explains one record by experiment: what was read, decided and sent."""
