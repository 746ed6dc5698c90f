"""The vocabulary of the program: plain values, no input or output."""
