"""Which targets may answer, in which order, why, and at what cost: decides, sends nothing."""
