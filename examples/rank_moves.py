"""How expected each move of a game was: python examples/rank_moves.py GAME.sgf"""

import sys

import hayago
from hayago.rules.coordinates import COLOUR_NAMES, point_to_vertex

record = hayago.read_sgf(sys.argv[1])[0]
print(f"{record.black or 'Black'} against {record.white or 'White'}, {len(record.moves)} moves")

for ply, (colour, point) in enumerate(record.plays()):
    if point == record.size**2:
        continue  # a pass, which the network does not know
    predictions = hayago.predict(hayago.Board.from_record(record, ply))
    rank = next((k for k, move in enumerate(predictions, start=1) if move.point == point), None)
    vertex = point_to_vertex(point, record.size)
    print(f"{ply + 1:3} {COLOUR_NAMES[colour]} {vertex:4} rank {rank or '-'}, first choice {predictions[0].vertex}")
