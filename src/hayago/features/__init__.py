"""Positions to the 48 feature planes of the paper. No torch.

Open planes.py first: it says what each plane means, and how planes are packed. plain.py follows that table feature by
feature for one board. For whole games there is a much faster pair: memory.py (what is kept from one position to the
next) and then incremental.py (rows, and `encode_positions`). followers.py applies it to the vector environment.
dataset.py gives encoded games to other programs, and ladder_list.py names the ladders of a position.
"""
