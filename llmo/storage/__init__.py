"""Files of this user."""
