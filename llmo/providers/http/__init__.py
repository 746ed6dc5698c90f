"""What the HTTP dialects share."""
