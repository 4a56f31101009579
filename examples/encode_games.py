"""The 48 planes and the moves, for a model of your own: python examples/encode_games.py GAMES.sgf"""

import sys

import hayago

examples = 0
for batch in hayago.encode_games(sys.argv[1], batch_size=256, symmetry="random", seed=1):
    # batch.planes: uint8 (B, 48, 19, 19); batch.labels: int64 (B,). Here your model would learn.
    examples += len(batch.labels)

print(f"{examples} examples; ones in each plane of the last batch:")
for plane, share in enumerate(batch.planes.mean(axis=(0, 2, 3))):
    print(f"{plane:2} {hayago.plane_name(plane):24} {share:6.2%}")
