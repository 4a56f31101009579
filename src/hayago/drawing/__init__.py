"""Pictures of boards, planes and training runs. What is drawn is decided elsewhere.

Open svg.py first: it holds the board that notebooks, `hayago predict` and the report show. picture_file.py writes SVG
and PNG files; raster.py draws with numpy alone, for `render_mode="rgb_array"`; only curves.py uses matplotlib.
"""
