"""Who answers the rows of a batch: `executor` is the seam, `local` the workers of this process."""
