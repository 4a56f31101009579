"""Points, vertices, colours and handicap points. Pure Python, so that a GTP engine can speak before numpy is loaded.

A *point* is an int, `row * size + column`, row 0 at the top and column 0 at the left, as SGF counts; `size * size` is
a pass. A *vertex* is GTP's name for it: "D4", "PASS"; columns skip the letter I, rows count from the bottom.
"""

EMPTY, BLACK, WHITE = 0, 1, 2
MAX_SIZE = 19

COLUMNS = "ABCDEFGHJKLMNOPQRST"
COLOUR_NAMES = ("empty", "black", "white")


def opponent(colour: int) -> int:
    """The other colour."""
    return 3 - colour


def pass_point(size: int) -> int:
    """The point that stands for a pass."""
    return size * size


def vertex_to_point(vertex: str, size: int) -> int:
    """The point of a vertex in either case.

    Raises:
        ValueError: not a vertex, or off a board of this size.
    """
    text = vertex.upper()
    if text == "PASS":
        return pass_point(size)
    if len(text) < 2 or not text[0].isascii() or not text[0].isalpha() or text[0] == "I":
        raise ValueError(f"not a vertex: {vertex!r}")
    if not (text[1:].isascii() and text[1:].isdigit()) or len(text) > 3:
        raise ValueError(f"not a vertex: {vertex!r}")
    column, row = COLUMNS.find(text[0]), size - int(text[1:])
    if not (0 <= column < size and 0 <= row < size):
        raise ValueError(f"vertex is off the board: {vertex!r}")
    return row * size + column


def point_to_vertex(point: int, size: int) -> str:
    """The vertex of a point in capitals.

    Raises:
        ValueError: the point is off the board.
    """
    if point == pass_point(size):
        return "PASS"
    if not 0 <= point < size * size:
        raise ValueError(f"point is off the board: {point}")
    row, column = divmod(point, size)
    return f"{COLUMNS[column]}{size - row}"


def vertex_of(point: int, size: int) -> str:
    """The vertex, with the pass in lower case, as analysing clients (Sabaki, Lizzie, KaTrain) and our page expect."""
    return "pass" if point == pass_point(size) else point_to_vertex(point, size)


def handicap_points(stones: int, size: int) -> list[int]:
    """The points of a fixed handicap, in the order of the GTP specification, section 4.1.1.

    Raises:
        ValueError: fewer than 2 stones, or more than this size allows (9; 4 on even sizes and on 7x7; none below 7x7).
    """
    most = 0 if size < 7 else 4 if size % 2 == 0 or size == 7 else 9
    if not 2 <= stones <= most:
        raise ValueError(f"no fixed handicap of {stones} stones on {size}x{size}")
    margin = 2 if size < 13 else 3
    low, middle, high = margin, size // 2, size - 1 - margin
    corners = [(high, low), (low, high), (low, low), (high, high)]  # (row, column): D4, Q16, D16, Q4
    sides = [(middle, low), (middle, high), (low, middle), (high, middle)]  # D10, Q10, K16, K4
    sites = corners[: min(stones, 4)]
    if stones >= 6:
        sites += sides[:2]
    if stones >= 8:
        sites += sides[2:]
    if stones in (5, 7, 9):
        sites.append((middle, middle))
    return [row * size + column for row, column in sites]


def star_points(size: int) -> list[int]:
    """The star points (hoshi) of 9x9, 13x13 and 19x19, in ascending order; none on other sizes."""
    return sorted(handicap_points(9 if size == 19 else 5, size)) if size in (9, 13, 19) else []
