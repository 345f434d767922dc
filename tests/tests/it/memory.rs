//! The conformance suite on the store in memory.

spark_analytics_conformance::conformance!(fresh, spark_analytics_conformance::InMemory);
