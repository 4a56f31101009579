"""How well a network predicts expert moves: examples, measures, breakdowns and the report. Training is elsewhere.

Open outcomes.py first, then measures.py. The page of the report is report.html.
"""
