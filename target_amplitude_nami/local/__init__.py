"""The local Amplitude: a stand-in for Amplitude's ingestion, on this machine alone."""
