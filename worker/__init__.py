"""The Likeness library and its worker program: everything that moves bytes for the database."""
