"""The Gymnasium environment `hayago/Go-v0`, single and vectorised, with its opponents.

Open go_env.py first.
"""
