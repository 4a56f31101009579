"""The fast arrays beneath `Board`, and the compiled functions that work on them.

Open position.py first, then ladders.py.
"""
