"""Game records in: SGF files and archives to GameRecord, GameRecord to the Parquet store. No planes here.

Open sgf.py first (`GameRecord`, `read_sgf`), then prepare.py (`prepare`) and store.py (`read_store`).
"""
