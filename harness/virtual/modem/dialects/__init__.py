"""The makers' dialects: one file with the code table of each, over the common mechanisms."""
