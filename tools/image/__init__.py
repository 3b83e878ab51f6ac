"""The image is built, and run, on any Linux machine: by Docker or podman, and where neither runs, by buildah alone."""
