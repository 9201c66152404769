"""What the product costs beside the floor under it, measured in the same run."""
