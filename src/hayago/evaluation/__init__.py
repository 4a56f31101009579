"""How well a network predicts expert moves: measures, breakdowns, reports. No training here.

Open outcomes.py first, then measures.py.
"""
