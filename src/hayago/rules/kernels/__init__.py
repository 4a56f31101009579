"""The compiled functions beneath `Board`, and the fast boards that they play on.

Reading order: frame.py (how points lie in memory), plain_rules.py and ladders.py (the rules and the ladder search in
their plainest form, on an array of stones). These three are enough for everything that has one board at hand. Then
cell_sets.py, and the board that you need:

- `Position` (position.py) is for replaying games and for `Board`. It knows every chain, its liberties and the ko, and
  can take moves back. So it answers what the planes ask of it at once. ladder_reader.py reads ladders on it.
- `PlayoutBoard` (playouts.py) is for playing thousands of games to their end. It needs only to know whether a chain is
  in atari. So it keeps sums instead of sets, and cannot take moves back.
- `LightBoard` (light_boards.py) is for the vector environment, which steps thousands of boards together. It has no
  chains at all, so a thousand of them fit in the processor's cache, and it knows superko.

One board for all three would be slower at each task: a playout would pay for sets and for the log, and an environment
would wait for memory. They share the frame, and where they keep sets, cell_sets.py.
"""
