"""Answers the view Subscriptions from counters and from the index of events."""
