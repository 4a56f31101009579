"""SVG pictures as files: `.svg` as it is, `.png` rendered by resvg, with the same letters on every machine."""

from pathlib import Path

from hayago.errors import HayagoError
from hayago.files import write_atomically

_FONTS = Path(__file__).parent / "fonts"
_ZOOM = 2  # pixels of a PNG to one of the SVG


def check_picture_name(path: Path | str) -> None:
    """See that the file's name says which kind of picture it is.

    Raises:
        HayagoError: the name does not end in .svg or .png.
    """
    if Path(path).suffix.lower() not in (".svg", ".png"):
        raise HayagoError(f"cannot draw {path}: the name of a picture ends in .svg or .png")


def save_picture(path: Path | str, svg: str) -> None:
    """Write an SVG picture to a .svg or .png file.

    Raises:
        HayagoError: the name ends otherwise, or the file cannot be written.
    """
    check_picture_name(path)
    is_png = Path(path).suffix.lower() == ".png"
    write_atomically(path, lambda file: file.write(_as_png(svg) if is_png else svg.encode()))


def _as_png(svg: str) -> bytes:
    import resvg_py

    # A machine may have no fonts of its own, and resvg drops text then. These have the letters of Latin-1.
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=_ZOOM,
        skip_system_fonts=True,
        font_files=[str(_FONTS / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")],
        sans_serif_family="DejaVu Sans",
    )
