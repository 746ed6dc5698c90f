"""What an earlier run of the same output left."""
