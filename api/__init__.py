"""The HTTP face of Likeness: a thin Litestar application over SQL functions."""
