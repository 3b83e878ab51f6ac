# tmex as an image: Python, the locked packages and tmex itself. It runs as nobody in particular, with its root read-only,
# without a shell; all that it keeps lies in one volume.
#
#   docker build --tag tmex .      # packages come from where pip gets them by itself, or is told to by the arguments below
#   make image                     # also without a container engine or a registry; then tries what it built
#   docker run --read-only --rm --tty tmex demo
#
# The base brings Python 3.11 or newer with venv, and the root certificates. For a release, name it by its digest.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
# pip's own settings, for an index of one's own or for a folder of wheels: locks/wheels/ comes along where there is one.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_NO_INDEX
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY locks/ locks/
RUN python3 -m venv /build \
 && /build/bin/pip install --quiet --require-hashes --only-binary :all: --requirement locks/build.txt \
 && python3 -m venv --without-pip /opt/tmex \
 && /build/bin/pip --python /opt/tmex/bin/python install --quiet --require-hashes --only-binary :all: \
      --requirement locks/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY engine/ engine/
COPY adapters/ adapters/
# Byte code belongs into the image, for nothing can be written later; checked by nothing, it does not depend on file times.
RUN /build/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /wheel . \
 && /build/bin/pip --python /opt/tmex/bin/python install --quiet --no-deps --no-index --find-links /wheel tmex \
 && /opt/tmex/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/tmex/lib \
 && mkdir --parents /state && mkdir --mode 0700 /state/tmex

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="tmex" \
      org.opencontainers.image.description="Uploads the occupied times of a practice's calendar to its booking portal, at once and without patient data" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/tmex /opt/tmex
COPY --from=build --chown=10001:10001 /state /var/lib
# HOME and USER, since this user stands in no list of users; a library that asks for them would fail.
ENV PATH=/opt/tmex/bin:$PATH TMEX_STATE=/var/lib/tmex/tmex.db HOME=/var/lib/tmex USER=tmex PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# Also the place for the demo's files where /tmp cannot be written.
WORKDIR /var/lib/tmex
VOLUME ["/var/lib/tmex"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["/opt/tmex/bin/tmex", "health"]
ENTRYPOINT ["/opt/tmex/bin/tmex"]
CMD ["run"]
