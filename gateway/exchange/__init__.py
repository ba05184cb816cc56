"""The conductor: joins the stations to the edges, one verb a file. Thin by law."""
