"""The two sources of the price table, each as rows of one shape, and their union."""
