# The steps of .ci/run for people, and what takes too long for it.

# All that must hold before a change lands
ci:
    .ci/run

# Format the code
fmt:
    cargo fmt --all

# Lints with warnings as errors
lint:
    cargo fmt --all --check
    RUSTFLAGS='-D warnings' cargo clippy --workspace --all-targets --all-features

# Documentation with warnings as errors
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# All tests
test:
    cargo test --workspace

# The tests that need PostgreSQL, Redis and RabbitMQ: just test-services, or just test-services 'worker_*'
test-services *targets:
    scripts/check/services {{targets}}

# Licences, bans and sources of all dependencies
deny:
    cargo deny --all-features check licenses bans sources

# The README's first command, its output checked
main-job:
    scripts/check/main-job

# Check compose.yaml, and carry out the Dockerfile without an engine: as root
containers:
    REUSE_TARGET=1 scripts/check/containers

# Measure all of docs/performance.md on this machine, or parts of it: just bench, just bench core sqlite; BENCH_QUICK=1 for small sizes
bench *parts:
    scripts/bench/all {{parts}}

# Replay the fuzz corpora, then fuzz each target for an hour: just fuzz, or just fuzz 60 request key
fuzz seconds="3600" *targets:
    scripts/check/fuzz {{seconds}} {{targets}}

# The group commit under a model checker
group-commit:
    scripts/check/group-commit

# Kill writing processes with -9, so many times a store, and check what they leave
torture kills="200":
    scripts/check/torture {{kills}}

# Make every package that is published, and build each from its package alone
packages:
    scripts/check/packages

# No dependency may ask for a newer Rust than we do
msrv:
    scripts/check/msrv

# Known vulnerabilities of the dependencies, where RustSec's database can be had
advisories:
    scripts/check/advisories

# Attack the server at full size: latency of healthy clients and memory for each attack
hostile:
    scripts/check/hostile

# Crash redb and SQLite at many points of what they write, and let each access fail in turn
power crashes="1000" seed="1":
    POWER_CRASHES={{crashes}} POWER_SEED={{seed}} cargo test -p spark-analytics-tests --test power -- --nocapture

# Check the server against its own OpenAPI document with schemathesis, from PyPI
openapi examples="25":
    scripts/check/openapi {{examples}}

# Compare instruction counts with tests/instructions.txt; --update writes them there
instructions *update:
    scripts/check/instructions {{update}}
