"""How well a network predicts expert moves: examples, measures, breakdowns and the report. There is no training here.

Open outcomes.py first, then measures.py. The page of the report is report.html.
"""
