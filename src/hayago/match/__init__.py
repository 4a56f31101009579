"""Matches between GTP engines and networks, and what their results say about strength.

Open runner.py first.
"""
