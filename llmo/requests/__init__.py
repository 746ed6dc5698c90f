"""What may be in a request, and what of it is sent."""
