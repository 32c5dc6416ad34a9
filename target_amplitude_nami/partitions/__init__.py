"""Delivers the partitions of a job, for engines that hand these over."""
