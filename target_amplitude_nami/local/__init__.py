"""The local Amplitude: a stand-in for Amplitude's ingestion APIs on this machine.

A request passes `http`, `faults`, `ingest` and `storage`; the page reads the file
through `queries`. Nothing here imports the rest of the package: a stand-in that shared
code with what it checks would prove nothing.
"""

DEFAULT_PORT = 8026
"""Where it listens when it runs on its own."""
