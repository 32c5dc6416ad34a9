"""A record becomes an event: filter, identity, freshness, mapping."""
