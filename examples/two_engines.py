"""Let two GTP engines play a game: python examples/two_engines.py "hayago gtp" "gnugo --mode gtp" """

import sys

import hayago
from hayago.gtp.client import GtpClient

black, white = (GtpClient(command, timeout_seconds=60) for command in sys.argv[1:3])
with black, white:
    for engine in (black, white):
        for command in ("boardsize 19", "clear_board", "komi 7.5"):
            engine.send(command)
    board = hayago.Board(19, superko=True)
    while not board.is_over and len(board.moves) < 60:  # more moves for a whole game
        colour, player, opponent = ("B", black, white) if board.to_play == 1 else ("W", white, black)
        move = player.send(f"genmove {colour}")
        if move.lower() == "resign":
            break
        board.play(move)  # raises IllegalMove where the rules forbid it
        opponent.send(f"play {colour} {move}")

print(board)
