# Server, worker and command line in one image: docs/containers.md.

# What dependencies are built from: the manifests, and targets without code. It stays the same, and with it the
# layer of built dependencies, until a manifest changes, or a target comes or goes.
FROM rust:1.94-slim-bookworm AS manifests
WORKDIR /src
COPY . .
RUN targets=$(cargo metadata --no-deps --format-version 1 | grep -o '"src_path":"[^"]*"' | cut -d '"' -f 4) \
 && find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
 && for target in $targets; do echo '#![allow(warnings)] fn main() {}' >"$target"; done \
 && find . -type d -empty -delete

FROM rust:1.94-slim-bookworm AS build
WORKDIR /src
COPY --from=manifests /src .
RUN cargo build --release --locked --examples
COPY . .
# Cargo goes by age, and the sources are older than what was just built without them.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --release --locked --examples

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin spark-analytics \
 && install --directory --owner spark-analytics --group spark-analytics --mode 750 /data
COPY --from=build /src/target/release/examples/http_server /usr/local/bin/spark-analytics-server
COPY --from=build /src/target/release/examples/worker /usr/local/bin/spark-analytics-worker
COPY --from=build /src/target/release/examples/cli /usr/local/bin/spark-analytics
COPY deploy/health /usr/local/bin/spark-analytics-health
ENV SPARK_ANALYTICS_LISTEN=0.0.0.0:8000 SPARK_ANALYTICS_METRICS=0.0.0.0:9100
# By number, for who must know without the image that it is not root.
USER 10001:10001
# Where a store is that is named by no path.
WORKDIR /data
VOLUME /data
EXPOSE 8000 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["spark-analytics-health"]
CMD ["spark-analytics-server"]
