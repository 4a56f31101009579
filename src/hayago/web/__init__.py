"""The web page: a JSON API around games, the network and the planes, and the built page in `static`.

Open app.py first, then room.py.
"""
