"""The game of Go: points, boards, scoring, life. No torch, no file formats.

`Board` (board.py) is the one class to know; open it first. The arrays and compiled functions beneath it are in
`hayago.rules.kernels`.
"""
