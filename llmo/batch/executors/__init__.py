"""Who carries a batch out."""
