"""What `make check` needs besides the usual tools."""
