"""The Go Text Protocol, both ends: the engine that Go programs start, and the client that starts engines.

Open protocol.py first, then standard.py, which has most commands.
"""
