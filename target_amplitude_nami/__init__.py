"""Singer target that delivers Nami subscription events to Amplitude."""
