"""Rows answered by a Ray cluster: the same row executor in actors, one broker of money and limits, one driver."""
