"""The policy network: its layers, its files, and evaluators that ask it. No training here.

Open architecture.py first, then policy.py.
"""

BOX = "box"  # names the network in the box on a command line
