//! Parses the lines of a block, without the state of the application.

use memchr::memchr;

use crate::fast::template::Template;
use crate::fold::tally::Tally;
use crate::log_file::MAX_WARNINGS;
use crate::read::blocks::MAX_LINE_BYTES;
use crate::read::unread;
use crate::wire::decode::{decode, event_class, unwrap};
use crate::wire::event::Event;
use crate::wire::repair::repair;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Maximum number of unreadable lines that a block reports; further ones are only counted.
const MAX_BAD_LINES: usize = MAX_WARNINGS;

/// The parsed lines of a block.
#[derive(Debug, Default)]
pub(crate) struct Parsed<'a> {
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) lines: u64,
    /// Unreadable lines that are not among the items.
    pub(crate) more_bad_lines: u64,
    /// Whether any line is an event, of any class.
    pub(crate) has_event: bool,
    /// Number of lines before the first event, except blank ones.
    pub(crate) lines_without_event: u64,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and they do not live long")]
pub(crate) enum Item<'a> {
    /// Starts and ends of tasks, with their lines and possibly unread lines among them.
    Tasks(Tally<'a>, &'a [u8], Place),
    /// Another event.
    Event(Event<'a>, Place),
    /// A line that is read in another form, and what was lost by that.
    Rewritten(Rewritten, Place),
    /// An unreadable line, and why.
    Bad(String, Place),
}

/// A line in a form that can be parsed.
#[derive(Debug)]
pub(crate) struct Rewritten {
    line: Vec<u8>,
    pub(crate) note: Option<String>,
}

impl Rewritten {
    /// The event in the line; `None` if it is of a class that is not read.
    pub(crate) fn parse(&self) -> Option<Item<'_>> {
        let mut tally = Tally::default();
        match parse_line(&self.line, &mut tally) {
            Line::Task => {
                tally.close();
                Some(Item::Tasks(tally, &self.line, Place::START))
            }
            Line::Event(event) => Some(Item::Event(event, Place::START)),
            Line::Rewritten(rewritten) => Some(Item::Rewritten(rewritten, Place::START)),
            Line::Bad { reason, .. } => Some(Item::Bad(reason, Place::START)),
            Line::Unread | Line::Blank => None,
        }
    }
}

/// The position of a line in its block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Number of bytes before it.
    pub(crate) offset: u64,
    /// Number of lines before it.
    pub(crate) line: u64,
}

impl Place {
    const START: Self = Self { offset: 0, line: 0 };
}

/// Parses whole lines, or a single line without a line feed.
pub(crate) fn parse(text: &[u8]) -> Parsed<'_> {
    let mut parsed = Parsed::default();
    let (mut tally, mut first, mut last) = (Tally::default(), Place::START, 0);
    let mut bad_lines = 0;
    let mut lines = Lines::new(text);
    loop {
        let place = Place { offset: lines.at as u64, line: parsed.lines };
        let Some(line) = lines.next(&mut tally) else { break };
        parsed.lines += 1;
        parsed.has_event |= line.is_event();
        parsed.lines_without_event += u64::from(!parsed.has_event && !matches!(line, Line::Blank));
        match line {
            Line::Task => {
                first = if tally.events == 1 { place } else { first };
                last = lines.at;
            }
            Line::Event(event) => {
                parsed.put_tasks(&mut tally, text, first, last);
                parsed.items.push(Item::Event(event, place));
            }
            Line::Rewritten(rewritten) => {
                parsed.put_tasks(&mut tally, text, first, last);
                parsed.items.push(Item::Rewritten(rewritten, place));
            }
            Line::Bad { reason, .. } if bad_lines < MAX_BAD_LINES => {
                bad_lines += 1;
                parsed.items.push(Item::Bad(reason, place));
            }
            Line::Bad { .. } => parsed.more_bad_lines += 1,
            Line::Unread | Line::Blank => {}
        }
    }
    parsed.put_tasks(&mut tally, text, first, last);
    parsed
}

/// The task events of some lines, one tally each.
pub(crate) fn each_task(lines: &[u8]) -> impl Iterator<Item = Tally<'_>> {
    let mut lines = Lines::new(lines);
    std::iter::from_fn(move || {
        let mut tally = Tally::default();
        while tally.is_empty() {
            lines.next(&mut tally)?;
        }
        tally.close();
        Some(tally)
    })
}

impl<'a> Parsed<'a> {
    fn put_tasks(&mut self, tally: &mut Tally<'a>, text: &'a [u8], first: Place, last: usize) {
        if !tally.is_empty() {
            let mut tally = std::mem::take(tally);
            tally.close();
            let lines = &text[first.offset as usize..last];
            self.items.push(Item::Tasks(tally, lines, first));
        }
    }
}

/// The kind of a line.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Line<'a> {
    /// The start or end of a task.
    Task,
    /// Another event.
    Event(Event<'a>),
    /// An event that must be parsed again.
    Rewritten(Rewritten),
    /// An event of a class that is not read.
    Unread,
    Blank,
    Bad {
        reason: String,
        /// Whether it begins like an event.
        is_event: bool,
    },
}

impl Line<'_> {
    fn is_event(&self) -> bool {
        match self {
            Line::Task | Line::Event(_) | Line::Unread => true,
            Line::Blank => false,
            Line::Rewritten(rewritten) => is_like_event(&rewritten.line),
            Line::Bad { is_event, .. } => *is_event,
        }
    }
}

struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    template: Template<'a>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, template: Template::default() }
    }

    /// Reads the next line. A task event is added to the tally.
    fn next(&mut self, tally: &mut Tally<'a>) -> Option<Line<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        if let Some(bytes) = self.template.read(rest, tally) {
            self.at += bytes;
            return Some(Line::Task);
        }
        let (line, bytes) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        self.at += bytes;
        Some(parse_line(line, tally))
    }
}

fn parse_line<'a>(line: &'a [u8], tally: &mut Tally<'a>) -> Line<'a> {
    if line.len() > MAX_LINE_BYTES {
        return Line::Bad { reason: too_long(), is_event: false };
    }
    let line = line.trim_ascii();
    // Where an editor put a mark before a log, or before a part of it.
    let line = line.strip_prefix(BYTE_ORDER_MARK).map_or(line, <[u8]>::trim_ascii_start);
    if line.is_empty() {
        return Line::Blank;
    }
    let reason = match decode(line) {
        Ok(Some(Event::TaskStart(event))) => {
            tally.start((event.stage_id, event.stage_attempt_id), &event.task);
            return Line::Task;
        }
        Ok(Some(Event::TaskEnd(event))) => {
            let stage = (event.stage_id, event.stage_attempt_id);
            let (metrics, peaks) = (event.metrics.as_ref(), event.peaks.as_ref());
            match &event.task {
                Some(task) => tally.end(stage, task, &event.reason, metrics, peaks),
                None => tally.end_of_unknown(),
            }
            return Line::Task;
        }
        Ok(Some(event)) => return Line::Event(event),
        Ok(None) => match unread::loss(line) {
            None => return Line::Unread,
            Some(reason) => reason,
        },
        Err(reason) => match rewrite(line) {
            Some(Ok(rewritten)) => return Line::Rewritten(rewritten),
            Some(Err(damage)) => damage,
            None => reason,
        },
    };
    Line::Bad { reason, is_event: is_like_event(line) }
}

fn is_like_event(line: &[u8]) -> bool {
    line.starts_with(b"{\"Event\":")
}

/// Another form of a line that cannot be parsed: without damage in its texts, or the event that a collector of logs
/// has wrapped. An error says which damage prevents that.
fn rewrite(line: &[u8]) -> Option<Result<Rewritten, String>> {
    if let Some(line) = unwrap(line) {
        return Some(Ok(Rewritten { line, note: None }));
    }
    let what = || event_class(line).unwrap_or("the line");
    Some(match repair(line)? {
        Ok(repaired) => Ok(Rewritten {
            line: repaired.line,
            note: Some(format!("{}: {}", what(), repaired.note)),
        }),
        Err(damage) => Err(format!("{} is damaged: {damage}", what())),
    })
}

/// The reason for leaving out a line that is too long.
pub(crate) fn too_long() -> String {
    format!("the line is longer than {MAX_LINE_BYTES} bytes")
}
