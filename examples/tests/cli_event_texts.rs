//! How files of events are cut into events. Cargo runs no tests within an example.

#[path = "../cli/event_texts.rs"]
mod event_texts;

use std::io::BufReader;

use event_texts::EventTexts;
use spark_analytics_core::{InvalidEvent, MAX_EVENT_BYTES};

/// Read through a buffer of a few bytes, so that every boundary falls within one.
fn texts(input: &str) -> Vec<String> {
    let read = EventTexts::new(BufReader::with_capacity(3, input.as_bytes()));
    let shown = read.map(|text| match text {
        Ok(text) => format!("{}: {}", text.place, String::from_utf8_lossy(&text.bytes)),
        Err(error) => error.to_string(),
    });
    shown.collect()
}

#[test]
fn lines_are_counted_from_the_first_of_the_file() {
    assert_eq!(texts("\n{\"a\":1}\r\n\n  {}\n"), ["line 2: {\"a\":1}", "line 4:   {}"]);
    assert_eq!(texts(""), Vec::<String>::new());
}

#[test]
fn an_array_is_split_at_its_own_commas() {
    let input = r#" [ {"a":[1,2]} , {"b":"],\"}"},{}] "#;
    assert_eq!(
        texts(input),
        [r#"index 0: {"a":[1,2]}"#, r#"index 1: {"b":"],\"}"}"#, "index 2: {}"]
    );
    assert_eq!(texts("[ ]\n"), Vec::<String>::new());
}

#[test]
fn a_broken_element_leaves_the_others_alone() {
    assert_eq!(texts("[nonsense},,{}]"), ["index 0: nonsense}", "index 1: ", "index 2: {}"]);
}

#[test]
fn text_after_the_array_is_given() {
    assert_eq!(texts("[{}] {}"), ["index 0: {}", "index 1: {}"]);
}

#[test]
fn an_array_that_is_cut_short_is_an_error_after_its_last_piece() {
    let error = "its JSON array is not closed";
    assert_eq!(texts("[{},{\"a"), ["index 0: {}", "index 1: {\"a", error]);
    assert_eq!(texts("[{},"), ["index 0: {}", error]);
    assert_eq!(texts("["), [error]);
}

#[test]
fn of_a_long_text_only_the_head_is_held() {
    let long = "x".repeat(3 * MAX_EVENT_BYTES);
    for input in [format!("{long}\n{{}}"), format!("[{long},{{}}]")] {
        let read: Vec<_> = EventTexts::new(input.as_bytes()).map(Result::unwrap).collect();
        assert_eq!((read.len(), read[0].len), (2, long.len()));
        assert!(read[0].bytes.len() <= MAX_EVENT_BYTES + 1);
        assert_eq!(read[0].event(), Err(InvalidEvent::TooLarge { bytes: long.len() }));
    }
}
