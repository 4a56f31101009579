"""Boards as pictures: SVG, PNG and pixels. What is drawn is decided elsewhere."""
