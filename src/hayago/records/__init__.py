"""Game records in: SGF files and archives to GameRecord, GameRecord to the Parquet store. No planes here."""
