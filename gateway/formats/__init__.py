"""One standard per file, each read from bytes and written to bytes."""
