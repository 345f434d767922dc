//! A batch's body cut into its elements as it comes, with memory for one element only.

use memchr::memchr;
use spark_analytics_core::MAX_EVENT_BYTES;

/// One element of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// Its text, or, if it is longer than an event may be, the head of it.
    pub(crate) text: &'a [u8],
    /// Its length in bytes.
    pub(crate) bytes: usize,
}

/// Why a body as a whole is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotAnArray,
    AfterArray,
    Unfinished,
}

impl Malformed {
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::NotAnArray => {
                "the body must be a JSON array of events; a single event goes to /api/v1/logs/ingest, \
                 lines of events are sent as application/x-ndjson"
            }
            Self::AfterArray => "something follows the end of the JSON array",
            Self::Unfinished => "the body ends before its JSON array does",
        }
    }
}

/// Cuts a body at line ends, or at the commas of a JSON array. It looks at no more than that: whether
/// an element is an event is for its reader to say, so that a bad one does not spoil the others.
#[derive(Debug)]
pub(crate) struct Splitter {
    place: Place,
    /// The element under way, as far as it came in earlier pieces of the body.
    held: Vec<u8>,
    held_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Lines,
    BeforeArray,
    InArray { depth: usize, in_text: bool, escaped: bool, first: bool },
    AfterArray,
}

impl Splitter {
    pub(crate) const fn lines() -> Self {
        Self { place: Place::Lines, held: Vec::new(), held_bytes: 0 }
    }

    pub(crate) const fn array() -> Self {
        Self { place: Place::BeforeArray, held: Vec::new(), held_bytes: 0 }
    }

    /// Takes the next piece of the body and gives each element that ends in it.
    pub(crate) fn feed(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(Element<'_>),
    ) -> Result<(), Malformed> {
        while !piece.is_empty() {
            piece = match self.place {
                Place::Lines => match memchr(b'\n', piece) {
                    Some(end) => {
                        self.end(&piece[..end], false, &mut each);
                        &piece[end + 1..]
                    }
                    None => self.hold(piece),
                },
                Place::InArray { .. } => match self.element_end(piece) {
                    Some((end, closes)) => {
                        let first = matches!(self.place, Place::InArray { first: true, .. });
                        self.end(&piece[..end], !(first && closes), &mut each);
                        self.place = if closes { Place::AfterArray } else { in_array(false) };
                        &piece[end + 1..]
                    }
                    None => self.hold(piece),
                },
                Place::BeforeArray => match piece.trim_ascii_start() {
                    [] => &[],
                    [b'[', rest @ ..] => {
                        self.place = in_array(true);
                        rest
                    }
                    _ => return Err(Malformed::NotAnArray),
                },
                Place::AfterArray => match piece.trim_ascii_start() {
                    [] => &[],
                    _ => return Err(Malformed::AfterArray),
                },
            }
        }
        Ok(())
    }

    /// Takes the end of the body; a last line needs no line end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Element<'_>)) -> Result<(), Malformed> {
        self.end(&[], false, &mut each);
        match self.place {
            Place::Lines | Place::AfterArray => Ok(()),
            Place::BeforeArray => Err(Malformed::NotAnArray),
            Place::InArray { .. } => Err(Malformed::Unfinished),
        }
    }

    /// Where in `piece` the array's element under way ends, and whether the array does.
    fn element_end(&mut self, piece: &[u8]) -> Option<(usize, bool)> {
        let Place::InArray { depth, in_text, escaped, .. } = &mut self.place else { return None };
        for (at, byte) in piece.iter().enumerate() {
            if *in_text {
                match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' => *escaped = true,
                    b'"' => *in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => *in_text = true,
                b'{' | b'[' => *depth += 1,
                b',' if *depth == 0 => return Some((at, false)),
                b']' if *depth == 0 => return Some((at, true)),
                b'}' | b']' => *depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    /// Keeps what has come of an element, but never more than an event may have.
    fn hold<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let part = if self.held_bytes == 0 { part.trim_ascii_start() } else { part };
        let room = MAX_EVENT_BYTES.saturating_sub(self.held.len());
        self.held.extend_from_slice(&part[..part.len().min(room)]);
        self.held_bytes += part.len();
        &[]
    }

    /// Gives the element that ends with `part`; one without text only if `blank` ones count.
    fn end(&mut self, part: &[u8], blank: bool, each: &mut impl FnMut(Element<'_>)) {
        if self.held_bytes == 0 {
            let text = part.trim_ascii();
            if blank || !text.is_empty() {
                each(Element { text, bytes: text.len() });
            }
            return;
        }
        self.hold(part);
        each(Element { text: self.held.trim_ascii_end(), bytes: self.held_bytes });
        self.held.clear();
        self.held_bytes = 0;
    }
}

const fn in_array(first: bool) -> Place {
    Place::InArray { depth: 0, in_text: false, escaped: false, first }
}
