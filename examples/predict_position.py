"""Set up a position and ask the network: python examples/predict_position.py"""

import hayago

board = hayago.Board(19)
for vertex in ("Q16", "D4", "Q3", "D16"):
    board.play(vertex)

print(board)
for move in hayago.predict(board, count=5):
    print(f"{move.vertex:4} {move.probability:6.1%}")
