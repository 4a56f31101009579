"""From an evaluator to moves: the player, both ends of the Go Text Protocol, matches, the Gymnasium environment."""
