# The program with all its features: docs/containers.md.

# The manifests, and targets without code, from which dependencies are built. This stage, and with it the layer of
# built dependencies, changes only when a manifest changes or a target is added or removed.
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
RUN cargo build --profile dist --locked --package spark-analytics-cli --features full
COPY . .
# Cargo compares ages, and the sources are older than what was just built without them.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --profile dist --locked --package spark-analytics-cli --features full

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin spark-analytics \
 && install --directory --owner spark-analytics --group spark-analytics --mode 750 /data
COPY --from=build /src/target/dist/spark-analytics /usr/local/bin/spark-analytics
# The names that earlier images had for `spark-analytics serve` and `spark-analytics work`.
COPY deploy/spark-analytics-server deploy/spark-analytics-worker /usr/local/bin/
COPY deploy/health /usr/local/bin/spark-analytics-health
ENV SPARK_ANALYTICS_LISTEN=0.0.0.0:8000 SPARK_ANALYTICS_METRICS=0.0.0.0:9100
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
# Relative paths of stores start here.
WORKDIR /data
VOLUME /data
EXPOSE 8000 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["spark-analytics-health"]
CMD ["spark-analytics", "serve"]
