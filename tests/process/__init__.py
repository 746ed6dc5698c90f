"""The installed program, from outside: what a user sees, hears and pays."""
