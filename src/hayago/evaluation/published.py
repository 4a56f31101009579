"""Published results on predicting moves, for orientation.

None of these numbers can be compared directly: the games, years, ranks and ways of counting are not the same.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A result from a paper or a program: the source, the network, the test games, and top-1 in per cent."""

    source: str
    network: str
    games: str
    top1: float


_ALPHAGO = "KGS, 6 to 9 dan, 35 % handicap games, passes left out"

PUBLISHED = (
    Published("Clark and Storkey 2014", "convolutional", "KGS", 44.4),
    Published("Clark and Storkey 2014", "convolutional", "GoGoD (professional)", 41.1),
    Published("Maddison et al. 2015", "12 layers", "KGS", 55.2),
    Published("Silver et al. 2016 (AlphaGo)", "13 layers, 128 filters", _ALPHAGO, 54.6),
    Published("Silver et al. 2016 (AlphaGo)", "13 layers, 192 filters", _ALPHAGO, 55.4),
    Published("Silver et al. 2016 (AlphaGo)", "13 layers, 256 filters", _ALPHAGO, 55.9),
    Published("Silver et al. 2016 (AlphaGo)", "13 layers, 256 filters, 8 symmetries", _ALPHAGO, 57.0),
    Published("Tian and Zhu 2015 (Darkforest)", "convolutional", "KGS", 57.1),
    Published("GoNN", "residual", "KGS 2015, no handicap, moves by 6 dan and more", 58.6),
    Published("GoNN", "residual", "GoGoD (professional)", 55.3),
)
