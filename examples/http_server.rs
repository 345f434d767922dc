//! `spark-analytics serve`: `cargo run --release --example http_server -- --help`.

fn main() -> std::process::ExitCode {
    spark_analytics_cli::serve(std::env::args_os())
}
