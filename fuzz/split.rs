//! A stream of events, whole and in pieces.

use serde_json::value::RawValue;
use spark_analytics_core::{EventPlace, EventSplitter, EventText, MAX_EVENT_BYTES, SplitError};

/// The output of a splitter: each text with its full length and position, and how it ended.
type Given = (Vec<(Vec<u8>, usize, EventPlace)>, Result<(), SplitError>);

/// Splits the input as lines, as an array and as either, whole and in pieces whose lengths are in the first two bytes, and
/// compares the results with those of a simple splitter and a JSON parser.
pub fn whole_and_split(data: &[u8]) {
    let [a, b, stream @ ..] = data else { return };
    for new in [EventSplitter::lines, EventSplitter::array, EventSplitter::detect] {
        let whole = split(new(), [stream]);
        assert_eq!(split(new(), pieces(stream, *a, *b)), whole);
        assert_eq!(split(new(), stream.chunks(1)), whole);
    }
    let (lines, end) = split(EventSplitter::lines(), [stream]);
    assert_eq!(end, Ok(()));
    assert_eq!(lines, simple_lines(stream));
    if let Ok(elements) = serde_json::from_slice::<Vec<Box<RawValue>>>(stream) {
        let (given, end) = split(EventSplitter::array(), [stream]);
        assert_eq!(end, Ok(()));
        let given: Vec<&[u8]> = given.iter().map(|(text, _, _)| text.as_slice()).collect();
        let elements: Vec<&[u8]> =
            elements.iter().map(|element| cut(element.get().as_bytes())).collect();
        assert_eq!(given, elements);
    }
}

fn split<'a>(mut splitter: EventSplitter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Given {
    let mut texts = Vec::new();
    let mut take = |text: EventText<'_>| texts.push((text.text.to_vec(), text.bytes, text.place));
    let mut end = Ok(());
    for piece in pieces {
        end = end.and_then(|()| splitter.feed(piece, &mut take));
    }
    let end = end.and_then(|()| splitter.finish(&mut take));
    (texts, end)
}

/// Pieces of the two lengths alternately, up to 32 KiB each.
fn pieces(mut stream: &[u8], a: u8, b: u8) -> impl Iterator<Item = &[u8]> {
    let mut lengths = [a, b].map(|length| 1 << (length % 16)).into_iter().cycle();
    std::iter::from_fn(move || {
        let length = lengths.next()?.min(stream.len());
        let (piece, rest) = stream.split_at(length);
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn simple_lines(stream: &[u8]) -> Vec<(Vec<u8>, usize, EventPlace)> {
    let lines = (1..).map(EventPlace::Line).zip(stream.split(|byte| *byte == b'\n'));
    let texts = lines.map(|(place, line)| (line.trim_ascii(), place));
    texts
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, place)| (cut(text).to_vec(), text.len(), place))
        .collect()
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_EVENT_BYTES)]
}
