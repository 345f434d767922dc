//! `spark-analytics work`: `cargo run --release --features amqp --example worker -- --help`.

fn main() -> std::process::ExitCode {
    spark_analytics_cli::work(std::env::args_os())
}
