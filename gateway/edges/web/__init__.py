"""The web side: where peers push and fetch, and what a visitor sees."""
