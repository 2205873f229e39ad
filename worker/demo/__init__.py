"""Owns `likeness demo`: a sample supplier, and the way of its pictures from feed to browser."""
