"""From an evaluator to moves: the player, the Go Text Protocol from both its ends, matches, the Gymnasium environment."""
