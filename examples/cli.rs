//! The program `spark-analytics`: `cargo run --release --example cli -- --help`.

fn main() -> std::process::ExitCode {
    spark_analytics_cli::run(std::env::args_os())
}
