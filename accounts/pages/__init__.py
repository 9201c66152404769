"""What pages of every face need of who looks at them."""
