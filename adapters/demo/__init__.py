"""A practice and a portal on this machine, and the real engine between them: for whoever wants to see it at work."""
