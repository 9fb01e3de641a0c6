# Escalator as an image: the program, the certificates of the public authorities, and nothing else. No shell, no package
# manager, no library; so it never needs an update of its own, only a new build.
#
#   docker build --tag escalator .
#
# Two builds of one commit are the same, byte for byte, if the Rust image is: name it by digest with
# --build-arg RUST_IMAGE=docker.io/library/rust@sha256:…, and let the builder write the commit's time everywhere:
#
#   docker buildx build --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --output type=image,rewrite-timestamp=true .

ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# C compilers and linkers that write a time down take this one.
ARG SOURCE_DATE_EPOCH=0
# Linked statically, so that the image needs no C library; with glibc's allocator, which is faster than musl's. Naming the
# target keeps the flags away from build scripts and macros, which cannot be static. No path of the builder is left inside.
RUN target="$(rustc --print host-tuple)" \
    && export SOURCE_DATE_EPOCH \
    && export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=. --remap-path-prefix=${CARGO_HOME:-/usr/local/cargo}=cargo" \
    && cargo build --release --locked --bin escalator --target "$target" \
    && mkdir -p /image/etc/ssl/certs /owned/data \
    && cp "target/$target/release/escalator" /image/escalator \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && echo 'escalator:x:10001:10001::/data:' > /image/etc/passwd \
    && echo 'escalator:x:10001:' > /image/etc/group \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
LABEL org.opencontainers.image.title="Escalator" \
      org.opencontainers.image.description="Turns GitLab into an escalation desk" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image/ /
# Where the default store is, for who gives it a volume; with Kubernetes nothing else can be written.
COPY --from=build --chown=10001:10001 /owned/ /
WORKDIR /data
USER 10001:10001
# Webhooks, and health with metrics; server.listen and admin.listen must name an address that can be reached, such as
# 0.0.0.0:8080. Health is for Kubernetes' probes, so there is no HEALTHCHECK, which would need a second program in here.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/escalator"]
CMD ["serve"]
