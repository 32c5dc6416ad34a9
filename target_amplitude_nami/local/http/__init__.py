"""Receives requests over HTTP: guards, handles and logs them, and sends the answers."""
