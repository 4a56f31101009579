"""The points that custom marks on a board."""

import pytest

from hayago.rules.coordinates import point_to_vertex, star_points

MARKED = {19: "D16 K16 Q16 D10 K10 Q10 D4 K4 Q4", 13: "D10 K10 G7 D4 K4", 9: "C7 G7 E5 C3 G3", 7: "", 11: "", 18: ""}


@pytest.mark.parametrize("size", MARKED)
def test_star_points(size: int) -> None:
    assert [point_to_vertex(point, size) for point in star_points(size)] == MARKED[size].split()
