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
    scripts/test-services {{targets}}

# Licences, bans and sources of all dependencies
deny:
    cargo deny --all-features check licenses bans sources

# The README's first command, its output checked
main-job:
    scripts/check-main-job

# Check compose.yaml, and carry out the Dockerfile without an engine: as root
containers:
    REUSE_TARGET=1 scripts/check-containers

# Measure all of docs/performance.md on this machine, or parts of it: just bench, just bench core sqlite; BENCH_QUICK=1 for small sizes
bench *parts:
    scripts/bench {{parts}}

# Replay the fuzz corpus, then fuzz each target for some seconds
fuzz seconds="10":
    scripts/fuzz {{seconds}}

# Compare instruction counts with tests/instructions.txt; --update writes them there
instructions *update:
    scripts/check-instructions {{update}}
