#![no_main]

use spark_analytics_fuzz::whole_and_in_pieces;

const HEAD: &[u8] = br#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"local-1","Timestamp":1,"User":"u"}
{"Event":"SparkListenerExecutorAdded","Timestamp":1,"Executor ID":"driver","Executor Info":{"Host":"h","Total Cores":4}}
{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1,"Stage Infos":[{"Stage ID":0,"Stage Name":"s","Number of Tasks":4}]}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"s","Number of Tasks":4,"Submission Time":1}}
"#;

// Events after the start of an application with a running stage.
libfuzzer_sys::fuzz_target!(|data: &[u8]| whole_and_in_pieces(&[HEAD, data].concat()));
