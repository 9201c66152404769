"""Routes that serve the frame of the pages: the palette and what is under way."""
