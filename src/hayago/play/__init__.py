"""From an evaluator to moves: the player, the Go Text Protocol, the Gymnasium environment."""
