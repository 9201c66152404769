"""Notifications: who is told that devices come and go, over which way, and whether it arrived."""
