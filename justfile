# The table of contents of scripts/. CONTRIBUTING.md says which of these .ci/run includes, and why it leaves out the others.

# Everything that must pass before a change lands
ci:
    .ci/run

# Install the Debian packages that the checks need: as root
tools:
    scripts/make/tools

# Format the code
fmt:
    cargo fmt --all

# Format, phrases and lints, with warnings as errors
lint:
    cargo fmt --all --check
    scripts/check/phrases
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Find phrases that the glossary of CONTRIBUTING.md rules out
phrases:
    scripts/check/phrases

# Build the documentation, with warnings as errors
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features

# All tests that need no servers
test:
    cargo test --workspace

# The tests that need PostgreSQL, Redis and RabbitMQ, all or those of some targets: just services restart
services *targets:
    scripts/check/services {{targets}}

# Run a command with PostgreSQL, Redis and RabbitMQ servers: just with-services cargo run --example cli -- apps
with-services *command:
    scripts/with-services {{command}}

# Licences, bans and sources of all dependencies
deny:
    cargo deny --all-features check licenses bans sources

# Known vulnerabilities of the dependencies, if RustSec's database can be fetched
advisories:
    scripts/check/advisories

# Compile the published crates with the oldest supported Rust, which must be installed
msrv:
    scripts/check/msrv

# The README's first command, with its output compared
main-job:
    scripts/check/main-job

# The group commit under a model checker
group-commit:
    scripts/check/group-commit

# Compare instruction counts with tests/instructions.txt; --update writes the new ones
instructions *update:
    scripts/check/instructions {{update}}

# Make the package of every published crate, and build each from its package alone
packages:
    scripts/check/packages

# Check the server against its own OpenAPI document with schemathesis, from PyPI
openapi examples="25":
    scripts/check/openapi {{examples}}

# Check compose.yaml, and build and start the Dockerfile without a container engine: as root
containers:
    REUSE_TARGET=1 scripts/check/containers

# Replay the fuzz corpora, then fuzz each target for an hour: just fuzz, or just fuzz 60 request key
fuzz seconds="3600" *targets:
    scripts/check/fuzz {{seconds}} {{targets}}

# Attack the server at full size: latency of healthy clients and memory for each attack
hostile:
    scripts/check/hostile

# Kill writing processes with SIGKILL, this many times per store, and check what they leave
torture kills="200":
    scripts/check/torture {{kills}}

# Crash redb and SQLite at many points of their writes, and let each file access fail in turn
power crashes="1000" seed="1":
    POWER_CRASHES={{crashes}} POWER_SEED={{seed}} cargo test -p spark-analytics-tests --test power -- --nocapture

# Measure everything in docs/performance.md, or parts of it: just bench core sqlite; BENCH_QUICK=1 for small sizes
bench *parts:
    scripts/bench/all {{parts}}

# Write a big event log: just big-log JOBS TASKS FILE
big-log jobs tasks file:
    scripts/make/big-log {{jobs}} {{tasks}} {{file}}

# Write many small event logs: just small-logs COUNT FOLDER
small-logs count folder:
    scripts/make/small-logs {{count}} {{folder}}
