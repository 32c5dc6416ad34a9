"""One record's whole way, found out by experiment: what was read, decided and sent."""
