"""Positions to the 48 feature planes of the paper, bit-packed. No torch.

Open planes.py first: it says what each plane means.
"""
