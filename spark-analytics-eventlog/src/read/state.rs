//! The state of a log while it is read: its facts so far, and what was left out.

use std::io::Read;

use spark_analytics_core::log::LogWarning;

use crate::error::LogError;
use crate::fold::one_application::OneApplication;
use crate::locate::{FoundLog, LogPart, is_compacted, parts_missing};
use crate::log_file::{LogFile, MAX_WARNINGS};
use crate::read::archive;
use crate::read::blocks::{Block, Blocks};
use crate::read::form::other_form;
use crate::read::parse::{Item, Parsed, each_task, parse, too_long};
use crate::source::{Damage, Source};

/// Maximum number of lines without an event at the start of an event log, if they are long.
const MAX_LINES_WITHOUT_EVENT: u64 = 64;

/// Lines without an event at the start are always allowed up to this number of bytes.
const MAX_BYTES_WITHOUT_EVENT: u64 = if cfg!(test) { 4 * 1024 } else { 1024 * 1024 };

/// The event that identifies an application.
const APPLICATION_START: &str = "SparkListenerApplicationStart";

/// Why a file is not read any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not an event log.
    NotALog,
    /// It takes or costs too much; the text says what.
    TooLarge(String),
    /// It is one in another form, which the text describes.
    InOtherForm(&'static str),
    /// It has to be unpacked first; the text names its kind.
    Archive(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct LogState {
    facts: OneApplication,
    /// The most memory that the facts may take, in bytes.
    memory: usize,
    /// Why it is not read any further although it is a log.
    excess: Option<String>,
    /// Whether any line was an event, of any class.
    has_event: bool,
    lines: u64,
    lines_without_event: u64,
    /// The form of its first line, if that is not the form of a log.
    form: Option<&'static str>,
    /// The first start of an application that cannot be read: its line, and why.
    bad_start: Option<(u64, String)>,
    /// Why decompression stopped.
    damage: Option<String>,
    /// The kind of archive that the file is.
    archive: Option<&'static str>,
    warnings: Vec<LogWarning>,
    warnings_left_out: u64,
}

/// The memory that the facts of a log may take unless it is set: 1 GiB.
pub(crate) const DEFAULT_MEMORY: usize = 1 << 30;

impl Default for LogState {
    fn default() -> Self {
        Self::new(DEFAULT_MEMORY)
    }
}

impl LogState {
    /// The state of a log of which nothing was read, whose facts may take `memory` bytes.
    pub(crate) fn new(memory: usize) -> Self {
        Self {
            facts: OneApplication::default(),
            memory,
            excess: None,
            has_event: false,
            lines: 0,
            lines_without_event: 0,
            form: None,
            bad_start: None,
            damage: None,
            archive: None,
            warnings: Vec::new(),
            warnings_left_out: 0,
        }
    }

    /// An estimate of the memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.facts.bytes()
    }

    /// Adds the lines of a block.
    pub(crate) fn add(&mut self, block: &Block, parsed: Parsed<'_>) -> Result<(), Refused> {
        self.check_is_no_archive(block.offset, block.lines())?;
        if let Some(offset) = block.long_line {
            self.lines += 1;
            self.warn(offset, self.lines, too_long());
            if !self.has_event {
                return Err(self.not_a_log());
            }
        }
        self.note_form(block.lines(), &parsed);
        self.facts.note_content(block.lines().len() as u64);
        self.add_lines(block.offset, parsed);
        if let Some(excess) = &self.excess {
            return Err(Refused::TooLarge(excess.clone()));
        }
        let is_long = block.offset + block.lines().len() as u64 > MAX_BYTES_WITHOUT_EVENT;
        match self.lines_without_event {
            MAX_LINES_WITHOUT_EVENT.. if is_long && !self.has_event => Err(self.not_a_log()),
            _ => Ok(()),
        }
    }

    fn not_a_log(&self) -> Refused {
        self.form.map_or(Refused::NotALog, Refused::InOtherForm)
    }

    fn check_is_no_archive(&mut self, offset: u64, text: &[u8]) -> Result<(), Refused> {
        let kind = archive::kind(text).filter(|_| offset == 0);
        self.archive = self.archive.or(kind);
        self.archive.map_or(Ok(()), |kind| Err(Refused::Archive(kind)))
    }

    /// Adds a last line without a line feed. In a log in progress it may be incomplete.
    fn add_unended(&mut self, line: &[u8], offset: u64, is_in_progress: bool) {
        let mut parsed = parse(line);
        self.note_form(line, &parsed);
        let is_event = self.has_event || parsed.has_event;
        parsed.items.retain(|item| !(is_in_progress && is_event && matches!(item, Item::Bad(..))));
        self.add_lines(offset, parsed);
    }

    fn note_form(&mut self, lines: &[u8], parsed: &Parsed<'_>) {
        if self.lines == 0 && matches!(parsed.items.first(), Some(Item::Bad(..))) {
            self.form = other_form(lines);
        }
    }

    fn add_lines(&mut self, offset: u64, parsed: Parsed<'_>) {
        for item in parsed.items {
            if self.excess.is_some() {
                return;
            }
            let at = match &item {
                Item::Tasks(_, _, at)
                | Item::Event(_, at)
                | Item::Rewritten(_, at)
                | Item::Bad(_, at) => *at,
            };
            self.add_item(item, offset + at.offset, self.lines + at.line + 1);
            self.excess = self.facts.excess(self.memory);
        }
        self.warnings_left_out += parsed.more_bad_lines;
        self.lines += parsed.lines;
        if !self.has_event {
            self.lines_without_event += parsed.lines_without_event;
        }
        self.has_event |= parsed.has_event;
    }

    fn add_item(&mut self, item: Item<'_>, offset: u64, line: u64) {
        match item {
            Item::Tasks(tally, lines, _) => {
                if !self.facts.add_tasks(&tally) {
                    each_task(lines).for_each(|task| {
                        self.facts.add_tasks(&task);
                    });
                }
                self.warn_of_texts(offset, line);
            }
            Item::Event(event, _) => {
                if let Err(reason) = self.facts.apply(event) {
                    self.warn(offset, line, reason);
                }
                self.warn_of_texts(offset, line);
            }
            Item::Rewritten(rewritten, _) => {
                let Some(item) = rewritten.parse() else { return };
                self.has_event |= matches!(item, Item::Tasks(..) | Item::Event(..));
                if !matches!(item, Item::Bad(..))
                    && let Some(note) = &rewritten.note
                {
                    self.warn(offset, line, note.clone());
                }
                self.add_item(item, offset, line);
            }
            Item::Bad(reason, _) => {
                if reason.starts_with(APPLICATION_START) && self.bad_start.is_none() {
                    self.bad_start = Some((line, reason.clone()));
                }
                self.warn(offset, line, reason);
            }
        }
    }

    fn warn_of_texts(&mut self, offset: u64, line: u64) {
        self.facts.take_notes().into_iter().for_each(|note| self.warn(offset, line, note));
    }

    /// Adds what follows the last complete line of a part, and warns of damage. `is_in_progress` says that the
    /// part may still be written.
    pub(crate) fn end_part<R: Read>(&mut self, blocks: &Blocks<Source<R>>, is_in_progress: bool) {
        if let Some((line, offset, _)) = blocks.unended_line()
            && self.check_is_no_archive(offset, line).is_err()
        {
            return;
        }
        match blocks.unended_line() {
            Some((_, _, true)) if is_in_progress => self.lines += 1,
            Some((_, offset, true)) => {
                self.lines += 1;
                self.warn(offset, self.lines, too_long());
            }
            Some((line, offset, false)) => self.add_unended(line, offset, is_in_progress),
            None => {}
        }
        let reason = match blocks.reader().damage() {
            None => return,
            Some(Damage::CutOff) if is_in_progress => return,
            Some(Damage::CutOff) => "the file ends within its compressed data".to_owned(),
            Some(Damage::Corrupt(why)) => {
                format!("the compressed data is damaged; nothing after this is read: {why}")
            }
        };
        self.damage.get_or_insert_with(|| reason.clone());
        self.warn(blocks.bytes(), self.lines, reason);
    }

    /// Puts warnings about the parts of the log before all others.
    fn warn_of_parts(&mut self, log: &FoundLog) {
        let of_lines = std::mem::take(&mut self.warnings);
        log.warnings.iter().for_each(|reason| self.warn(0, 0, reason.clone()));
        let missing = self.facts.missing_parts().into_iter();
        missing.for_each(|(first, last)| self.warn(0, 0, parts_missing(first, last)));
        of_lines.into_iter().for_each(|w| self.warn(w.offset, w.line, w.reason));
    }

    /// Warns if ends of tasks are missing. Spark's compaction removes those of stages that were running.
    fn warn_of_missing_ends(&mut self, log: &FoundLog) {
        let is_compacted = is_compacted(&log.name) || log.parts.iter().any(LogPart::is_compacted);
        if let Some(reason) = self.facts.missing_ends().filter(|_| !is_compacted) {
            self.warn(0, 0, reason);
        }
    }

    fn warn(&mut self, offset: u64, line: u64, reason: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(LogWarning::new(offset, line, reason));
        } else {
            self.warnings_left_out += 1;
        }
    }

    /// The result, after `bytes` bytes were read.
    pub(crate) fn into_log_file(mut self, log: &FoundLog, bytes: u64) -> Result<LogFile, LogError> {
        let name = log.name.clone();
        self.warn_of_parts(log);
        self.warn_of_missing_ends(log);
        if let Some(kind) = self.archive {
            return Err(LogError::Archive { name, kind });
        }
        self.facts.finish();
        if let Some(reason) = self.excess.or_else(|| self.facts.excess(self.memory)) {
            return Err(LogError::TooLarge { name, reason });
        }
        if !self.has_event {
            return Err(match (self.damage, self.form) {
                (_, Some(form)) => LogError::OtherForm { name, form },
                (Some(reason), _) => LogError::Damaged { name, reason },
                // Warnings about its folder have no line.
                _ if self.warnings.iter().all(|warning| warning.line == 0) => {
                    LogError::Empty { name }
                }
                _ => LogError::NotALog { name },
            });
        }
        if !self.facts.has_application() {
            return Err(match (self.form, self.bad_start) {
                (Some(form), _) => LogError::OtherForm { name, form },
                (None, Some((line, reason))) => LogError::BadApplication { name, line, reason },
                (None, None) => LogError::NoApplication { name, events: self.facts.events() },
            });
        }
        Ok(LogFile {
            snapshot: self.facts.into_snapshot(&log.app_name),
            warnings: self.warnings,
            warnings_left_out: self.warnings_left_out,
            bytes,
            lines: self.lines,
        })
    }
}
