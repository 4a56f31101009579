"""The game of Go: points, boards, scoring, life. No torch, no file formats.

`Board` (board.py) is the one class to know; open it first. Points and vertices are in coordinates.py, the 8 symmetries
in symmetry.py, moves as numbers in move_codes.py. Scoring and unconditional life work on whole boards. The compiled
functions beneath all of them are in `hayago.rules.kernels`, whose docstring says which board is for what.
"""
