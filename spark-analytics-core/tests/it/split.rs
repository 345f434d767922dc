//! Splitting a stream into the texts of events.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use spark_analytics_core::{EventPlace, EventSplitter, MAX_EVENT_BYTES, SplitError};

type Split = (Vec<(EventPlace, Vec<u8>, usize)>, Result<(), SplitError>);

/// The output of a splitter for a stream in these pieces, and how it ended.
fn split<'a>(mut splitter: EventSplitter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Split {
    let mut texts = Vec::new();
    for piece in pieces {
        let fed = splitter.feed(piece, |t| texts.push((t.place, t.text.to_vec(), t.bytes)));
        if fed.is_err() {
            return (texts, fed);
        }
    }
    let end = splitter.finish(|t| texts.push((t.place, t.text.to_vec(), t.bytes)));
    (texts, end)
}

/// Split byte by byte, so that pieces end at every boundary; an error comes last.
fn shown(splitter: EventSplitter, input: impl AsRef<[u8]>) -> Vec<String> {
    let (texts, end) = split(splitter, input.as_ref().chunks(1));
    let texts = texts.iter().map(|(place, text, bytes)| {
        assert_eq!(text.len(), *bytes);
        format!("{place}: {}", String::from_utf8_lossy(text))
    });
    texts.chain(end.err().map(|error| error.to_string())).collect()
}

fn detected(input: &str) -> Vec<String> {
    shown(EventSplitter::detect(), input)
}

const NONE: [&str; 0] = [];

#[test]
fn lines_are_counted_from_the_first_of_the_stream() {
    for splitter in [EventSplitter::lines, EventSplitter::detect] {
        let texts = shown(splitter(), "\n{\"a\":1}\r\n \t\r\n  {}");
        assert_eq!(texts, ["line 2: {\"a\":1}", "line 4: {}"]);
        assert_eq!(shown(splitter(), ""), NONE);
        assert_eq!(shown(splitter(), " \r\n\n"), NONE);
    }
    assert_eq!(shown(EventSplitter::lines(), "[{}]\n"), ["line 1: [{}]"]);
}

#[test]
fn an_array_is_split_at_its_own_commas() {
    let input = "\n [ {\"a\":[1,2]} , {\"b\":\"],\\\"}\\\\\"},\r\n{}] \n";
    let expected = ["index 0: {\"a\":[1,2]}", "index 1: {\"b\":\"],\\\"}\\\\\"}", "index 2: {}"];
    for splitter in [EventSplitter::array, EventSplitter::detect] {
        assert_eq!(shown(splitter(), input), expected);
        assert_eq!(shown(splitter(), "[ ]\n"), NONE);
    }
}

#[test]
fn a_broken_element_leaves_the_others_alone() {
    assert_eq!(detected("[nonsense},,{}]"), ["index 0: nonsense}", "index 1: ", "index 2: {}"]);
    assert_eq!(detected("[,{},]"), ["index 0: ", "index 1: {}", "index 2: "]);
    assert_eq!(detected("{}\nnonsense [\n{}"), ["line 1: {}", "line 2: nonsense [", "line 3: {}"]);
}

#[test]
fn text_after_an_array_is_an_error() {
    let error = "something follows the end of its JSON array";
    assert_eq!(detected("[{}] {}"), ["index 0: {}", error]);
    assert_eq!(detected("[]]"), [error]);
}

#[test]
fn a_truncated_array_is_an_error_after_its_last_piece() {
    let error = "its JSON array is not closed";
    assert_eq!(detected("[{},{\"a"), ["index 0: {}", "index 1: {\"a", error]);
    assert_eq!(detected("[{},"), ["index 0: {}", error]);
    assert_eq!(detected("[{}, \n"), ["index 0: {}", error]);
    assert_eq!(detected("["), [error]);
}

#[test]
fn text_that_is_not_an_array_is_an_error_where_one_is_expected() {
    for input in ["", " \n", "{}", "\u{feff}[]"] {
        assert_eq!(shown(EventSplitter::array(), input), ["it is not a JSON array"]);
    }
}

#[test]
fn a_byte_order_mark_is_skipped_where_the_form_is_detected() {
    assert_eq!(detected("\u{feff} [{}]"), ["index 0: {}"]);
    assert_eq!(detected("\u{feff}\n{}\n"), ["line 2: {}"]);
    assert_eq!(detected("\u{feff}"), NONE);
    assert_eq!(detected("\u{feff}\u{feff}"), ["line 1: \u{feff}"]);
    assert_eq!(detected(" \u{feff}[]"), ["line 1: \u{feff}[]"]);
}

#[test]
fn a_partial_byte_order_mark_is_text() {
    for (input, text) in
        [(&b"\xef\xbb"[..], &b"\xef\xbb"[..]), (b"\xef[]", b"\xef[]"), (b"\xef\xbb\n", b"\xef\xbb")]
    {
        let (texts, end) = split(EventSplitter::detect(), input.chunks(1));
        assert_eq!(texts, [(EventPlace::Line(1), text.to_vec(), text.len())]);
        assert_eq!(end, Ok(()));
    }
}

#[test]
fn a_long_text_is_given_by_its_head_and_its_whole_length() {
    for bytes in [MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1, 3 * MAX_EVENT_BYTES] {
        let long = "x".repeat(bytes);
        for input in [format!("{long}\n{{}}"), format!("[{long},{{}}]")] {
            for size in [1, 1_000, MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1, input.len()] {
                let (texts, end) = split(EventSplitter::detect(), input.as_bytes().chunks(size));
                let lengths: Vec<_> =
                    texts.iter().map(|(_, text, all)| (text.len(), *all)).collect();
                assert_eq!(lengths, [(bytes.min(MAX_EVENT_BYTES), bytes), (2, 2)]);
                assert_eq!(end, Ok(()));
            }
        }
    }
}

#[test]
fn white_space_around_a_text_does_not_count() {
    let space = " ".repeat(2 * MAX_EVENT_BYTES);
    for input in [format!("{space}{{}}{space}\n"), format!("[{space}{{}}{space}]")] {
        for size in [1, 1_000, input.len()] {
            let (texts, end) = split(EventSplitter::detect(), input.as_bytes().chunks(size));
            assert_eq!(texts.len(), 1);
            assert_eq!((&texts[0].1[..], texts[0].2, end), (&b"{}"[..], 2, Ok(())));
        }
    }
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "\\",
        "\n",
        "\r\n",
        " ",
        "\t",
        "x",
        "é",
        "\u{feff}",
        "{}",
        "[{\"a\":\"],\"},",
        "{\"b\":[1,{}]}",
    ]);
    vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(Into::into),
        "[ \\[\\]{},\"\\\\\na]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            vec(("[\\]},\"\\\\]{0,3}", inner), 0..4)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_texts(
        stream in stream(), cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        for splitter in [EventSplitter::lines, EventSplitter::array, EventSplitter::detect] {
            let whole = split(splitter(), [&stream[..]]);
            let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
            prop_assert_eq!(&split(splitter(), pieces), &whole);
            prop_assert_eq!(&split(splitter(), stream.chunks(1)), &whole);
        }
    }

    #[test]
    fn an_array_is_cut_into_its_values(values in vec(json(), 0..6), pretty in any::<bool>()) {
        let write = if pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
        let (texts, end) = split(EventSplitter::detect(), [&write(&values).unwrap()[..]]);
        prop_assert_eq!(end, Ok(()));
        let places: Vec<_> = texts.iter().map(|text| text.0).collect();
        let counted: Vec<_> = (0..values.len() as u64).map(EventPlace::Index).collect();
        prop_assert_eq!(places, counted);
        let read: Vec<serde_json::Value> =
            texts.iter().map(|text| serde_json::from_slice(&text.1).unwrap()).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn blank_lines_are_skipped(stream in stream()) {
        let (texts, end) = split(EventSplitter::lines(), [&stream[..]]);
        prop_assert_eq!(end, Ok(()));
        let expected: Vec<_> = stream
            .split(|byte| *byte == b'\n')
            .zip(1..)
            .map(|(line, number)| (EventPlace::Line(number), line.trim_ascii()))
            .filter(|(_, line)| !line.is_empty())
            .map(|(place, line)| (place, line.to_vec(), line.len()))
            .collect();
        prop_assert_eq!(texts, expected);
    }
}
