//! `spark-analytics`: figures of Apache Spark jobs, from events and event logs.

fn main() -> std::process::ExitCode {
    spark_analytics_cli::run(std::env::args_os())
}
