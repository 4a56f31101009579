"""Supervised training: a store of games becomes a plain policy network.

Open loop.py first, then trainer.py. What makes training fast on a CPU is in `hayago.training.cpu`.
"""
