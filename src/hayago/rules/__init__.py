"""Go itself: points, boards, ladders, scoring. No torch, no file formats."""
