"""A server that speaks as TMDb, IMDb and MovieLens do, over a catalogue of its own."""
