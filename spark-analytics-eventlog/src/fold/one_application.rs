//! Which events of a log belong to its application.
//!
//! A log has one application, the first. Whatever another application wrote into the same file or folder is left
//! out: logs that were appended to one another, or parts of several Databricks contexts in one folder.

use std::collections::BTreeSet;

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::{Application, LogSnapshot};

use crate::fold::Fold;
use crate::fold::tally::Tally;
use crate::fold::text::key;
use crate::wire::event::{ApplicationStart, Event, PartStart};
use crate::wire::lenient::Text;

/// Maximum number of second SparkListenerLogStart events after which the facts are copied.
const MAX_DOUBTS: u32 = 8;

/// Maximum number of part numbers that are remembered.
const MAX_PARTS: usize = 64 * 1024;

/// The facts of a log's application.
#[derive(Clone, Debug, Default)]
pub(crate) struct OneApplication {
    fold: Fold,
    next: Next,
    doubts: u32,
    /// The `SparkContext Id` of a Databricks log.
    context: Option<i64>,
    /// The numbers of its parts.
    parts: BTreeSet<u64>,
}

/// Whose events come next.
#[derive(Clone, Debug, Default)]
enum Next {
    /// Those of the application.
    #[default]
    Own,
    /// Those of the application or of another one, which may have begun a log of its own. The facts are those
    /// without them.
    InDoubt(Box<Fold>),
    /// Those of another application, or those of a part that was read already.
    LeftOut,
}

impl OneApplication {
    /// Applies the next event other than task events. An error says why it was left out, or what is missing.
    pub(crate) fn apply(&mut self, event: Event<'_>) -> Result<(), String> {
        match &event {
            Event::PartStart(part) => return self.begin_part(part),
            Event::ApplicationStart(start) if self.fold.has_application() => {
                return self.start_again(start);
            }
            Event::LogStart(_) if self.is_own() && self.fold.has_application() => self.doubt(),
            event if !event.may_precede_start() => self.settle(),
            _ => {}
        }
        if !matches!(self.next, Next::LeftOut) {
            self.fold.apply(event);
        }
        Ok(())
    }

    /// Adds tasks. Returns `false`, and adds none, if their order matters; the caller then adds them one by one.
    pub(crate) fn add_tasks(&mut self, tally: &Tally<'_>) -> bool {
        self.settle();
        matches!(self.next, Next::LeftOut) || self.fold.add_tasks(tally)
    }

    /// What there is to warn about in the texts of the latest event.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        self.fold.texts.take_notes()
    }

    /// Whether the log has identified its application.
    pub(crate) const fn has_application(&self) -> bool {
        self.fold.has_application()
    }

    /// Number of events applied.
    pub(crate) const fn events(&self) -> u64 {
        self.fold.events()
    }

    /// Notes how many bytes of the log's content were read.
    pub(crate) const fn note_content(&mut self, bytes: u64) {
        self.fold.work.note_content(bytes);
    }

    /// Finishes what is cheaper for many events together.
    pub(crate) fn finish(&mut self) {
        match &mut self.next {
            Next::InDoubt(fold) => fold.share_all(),
            Next::Own | Next::LeftOut => self.fold.share_all(),
        }
    }

    /// An estimate of the memory that the facts take.
    pub(crate) fn bytes(&self) -> usize {
        let before = match &self.next {
            Next::InDoubt(fold) => fold.bytes(),
            Next::Own | Next::LeftOut => 0,
        };
        self.fold.bytes() + before
    }

    /// Why the log is not read any further, if its facts take more than `memory` bytes, or cost far more than what it
    /// has of content.
    pub(crate) fn excess(&self, memory: usize) -> Option<String> {
        if self.bytes() > memory {
            return Some(format!(
                "its facts take more than {} MiB of memory: {}",
                memory >> 20,
                self.fold.contents()
            ));
        }
        let in_doubt = matches!(&self.next, Next::InDoubt(fold) if fold.work.is_too_much());
        (in_doubt || self.fold.work.is_too_much()).then(|| {
            format!(
                "its events concern far too many jobs or executors each, more than a cluster has: {}",
                self.fold.contents()
            )
        })
    }

    /// The parts of a Databricks log that are missing before its last one: the first and the last of each gap.
    pub(crate) fn missing_parts(&self) -> Vec<(u64, u64)> {
        let (mut missing, mut next) = (Vec::new(), 0);
        for part in &self.parts {
            if *part > next {
                missing.push((next, *part - 1));
            }
            next = part.saturating_add(1);
        }
        missing
    }

    /// Which task ends are missing, if the application has ended.
    pub(crate) fn missing_ends(&self) -> Option<String> {
        self.fold.missing_ends()
    }

    /// The facts so far; `name` is the application id if the log has none.
    pub(crate) fn into_snapshot(self, name: &str) -> LogSnapshot {
        let fold = match self.next {
            Next::InDoubt(fold) => *fold,
            Next::Own | Next::LeftOut => self.fold,
        };
        fold.into_snapshot(name)
    }

    const fn is_own(&self) -> bool {
        matches!(self.next, Next::Own)
    }

    /// Keeps the facts as they are: what comes before the next start of an application may belong to that one.
    fn doubt(&mut self) {
        if self.doubts < MAX_DOUBTS {
            self.doubts += 1;
            self.next = Next::InDoubt(Box::new(self.fold.clone()));
        }
    }

    /// Attributes the events in doubt to the application, since no other one has started.
    fn settle(&mut self) {
        if matches!(self.next, Next::InDoubt(_)) {
            self.next = Next::Own;
        }
    }

    /// Handles a second start of an application. An error says what happens to the events after it.
    fn start_again(&mut self, start: &ApplicationStart<'_>) -> Result<(), String> {
        let next = std::mem::replace(&mut self.next, Next::LeftOut);
        let was_left_out = matches!(next, Next::LeftOut);
        if let Next::InDoubt(fold) = next {
            self.fold = *fold;
        }
        let (own, other) = (&self.fold.application, started(start));
        if run(own) != run(&other) {
            return Err(format!(
                "SparkListenerApplicationStart of another application, {}: events from here on are left out, \
                 because this log is that of {}",
                described(&other),
                described(own)
            ));
        }
        if was_left_out {
            return Ok(());
        }
        self.next = Next::Own;
        Err("a second SparkListenerApplicationStart".to_owned())
    }

    /// Begins a part of a Databricks log. An error says why the part is left out, or what was left out before it.
    fn begin_part(&mut self, part: &PartStart<'_>) -> Result<(), String> {
        self.settle();
        let own = self.context.or(part.context);
        if part.context.is_some() && part.context != own {
            let (own, other) = (own.unwrap_or_default(), part.context.unwrap_or_default());
            if self.fold.has_application() {
                self.next = Next::LeftOut;
                return Err(format!(
                    "a part of another SparkContext, {other}: it is left out, because this log is that of \
                     SparkContext {own}"
                ));
            }
            let next = Self { context: part.context, ..Self::default() };
            let before = std::mem::replace(self, next);
            self.begin_own_part(part)?;
            return Err(format!(
                "the {} events before this part are left out: they are of another SparkContext, {own}, whose \
                 SparkListenerApplicationStart is missing",
                before.events()
            ));
        }
        self.context = own;
        self.begin_own_part(part)
    }

    fn begin_own_part(&mut self, part: &PartStart<'_>) -> Result<(), String> {
        self.next = Next::Own;
        if self.fold.application.spark_version.is_empty() {
            self.fold.application.spark_version = self.fold.texts.text(&part.spark_version.0);
        }
        let number = part.number.and_then(|number| u64::try_from(number).ok());
        let Some(number) = number.filter(|_| self.parts.len() < MAX_PARTS) else { return Ok(()) };
        if self.parts.insert(number) {
            return Ok(());
        }
        self.next = Next::LeftOut;
        Err(format!("part {number} exists twice; this one is left out"))
    }
}

/// What distinguishes the runs of applications.
fn run(application: &Application) -> (&str, &str, Option<Timestamp>, &str) {
    let Application { app_id, attempt_id, start_time, user, .. } = application;
    (app_id, attempt_id, *start_time, user)
}

/// The application that an event starts.
fn started(start: &ApplicationStart<'_>) -> Application {
    let or_empty =
        |id: &Option<Text<'_>>| id.as_ref().map(|id| key(&id.0).into_owned()).unwrap_or_default();
    let mut application = Application::default();
    application.app_id = or_empty(&start.id);
    application.attempt_id = or_empty(&start.attempt_id);
    application.user = key(&start.user.0).into_owned();
    application.start_time = Some(Timestamp::from_millis(start.time));
    application
}

/// An application, for a warning.
fn described(application: &Application) -> String {
    let id = match application.app_id.as_str() {
        "" => "an application without an id",
        id => id,
    };
    let attempt = match application.attempt_id.as_str() {
        "" => String::new(),
        attempt => format!(" attempt {attempt}"),
    };
    let started =
        application.start_time.map(|time| format!(", started {time}")).unwrap_or_default();
    format!("{id}{attempt} of user {}{started}", application.user)
}
