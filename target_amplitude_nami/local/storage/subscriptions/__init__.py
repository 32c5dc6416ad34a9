"""Counts users and money by day as events are stored, for the view Subscriptions."""
