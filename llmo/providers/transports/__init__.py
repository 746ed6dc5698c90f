"""How bytes travel: the seam, and its two HTTP clients."""
