# gridlight as a container: the program with the map page compiled in, the libraries that it loads, authorities for TLS,
# and nothing else, no shell either. docs/container.md tells how to run it.
#   docker build -t gridlight .
# BASE is any Debian 12: the program is compiled there, and its libraries are taken from there.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
ARG SOURCE=/src
WORKDIR ${SOURCE}
# First what changes seldom.
COPY dev ./
COPY scripts scripts/
RUN ./dev build packages && apt-get install -y --no-install-recommends ca-certificates
ENV LANG=C.UTF-8
COPY . .
RUN ./dev build release gridlight
RUN packaging/runtime_root.sh build/release/gridlight /runtime

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gridlight" \
      org.opencontainers.image.description="Spatial queries over power-grid maps, from PostGIS" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /runtime /
# gridlight of /etc/passwd, by number for those who forbid root.
USER 65532:65532
WORKDIR /etc/gridlight
# Who may ask is told by configuration: without TLS and tokens, or http.open, the server refuses this address.
ENV GRIDLIGHT_HTTP_ADDRESS=0.0.0.0 \
    GRIDLIGHT_HTTP_PORT=8080 \
    GRIDLIGHT_LOG_FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/bin/gridlight", "health"]
ENTRYPOINT ["/usr/bin/gridlight"]
CMD ["serve"]
