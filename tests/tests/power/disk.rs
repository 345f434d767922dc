//! A disk that records every access, and fails on request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::tape::{Image, Step, Tape};

/// A kind of access that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    SetLen,
    Sync,
}

/// Which accesses fail: from the `after`-th of a kind on, `times` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) access: Access,
    pub(crate) after: usize,
    pub(crate) times: usize,
    /// The operating system's number of the error.
    pub(crate) error: i32,
}

/// The operating system's error number of full storage.
pub(crate) const NO_SPACE: i32 = 28;
/// The operating system's error number of a device error.
pub(crate) const IO_ERROR: i32 = 5;

#[derive(Debug)]
pub(crate) struct Disk(Mutex<State>);

#[derive(Debug)]
struct State {
    tape: Tape,
    names: BTreeMap<String, usize>,
    files: usize,
    fault: Option<Fault>,
    /// How many accesses of the failing kind there were, and how many failed.
    seen: usize,
    failed: usize,
}

impl Disk {
    pub(crate) fn new(start: Image) -> Arc<Self> {
        let names: BTreeMap<String, usize> = start.keys().cloned().zip(0..).collect();
        let files = names.len();
        let tape = Tape { start, steps: Vec::new() };
        Arc::new(Self(Mutex::new(State { tape, names, files, fault: None, seen: 0, failed: 0 })))
    }

    /// Records that a possibly new file is opened; returns its number.
    pub(crate) fn open(&self, name: &str, is_new: bool) -> usize {
        let state = &mut *self.0.lock().unwrap();
        if !is_new {
            return state.names[name];
        }
        let file = state.files;
        state.files += 1;
        state.names.insert(name.to_owned(), file);
        state.tape.steps.push(Step::Create { name: name.to_owned(), file });
        file
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.lock().unwrap().names.contains_key(name)
    }

    pub(crate) fn remove(&self, name: &str) {
        let state = &mut *self.0.lock().unwrap();
        state.names.remove(name);
        state.tape.steps.push(Step::Remove { name: name.to_owned() });
    }

    pub(crate) fn done(&self, step: Step) {
        self.0.lock().unwrap().tape.steps.push(step);
    }

    pub(crate) fn acknowledge(&self, batches: usize) {
        self.done(Step::Acknowledged(batches));
    }

    /// Returns the recording so far and starts a new one.
    pub(crate) fn take_tape(&self) -> Tape {
        let state = &mut *self.0.lock().unwrap();
        Tape { start: state.tape.start.clone(), steps: std::mem::take(&mut state.tape.steps) }
    }

    /// Replaces the current fault.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        let state = &mut *self.0.lock().unwrap();
        (state.fault, state.seen, state.failed) = (fault, 0, 0);
    }

    /// How many accesses have failed since the fault was set.
    pub(crate) fn failed(&self) -> usize {
        self.0.lock().unwrap().failed
    }

    /// Whether an access works now; otherwise the number of the error.
    pub(crate) fn access(&self, access: Access) -> Result<(), i32> {
        let state = &mut *self.0.lock().unwrap();
        let Some(fault) = state.fault.filter(|fault| fault.access == access) else { return Ok(()) };
        state.seen += 1;
        if state.seen <= fault.after || state.failed >= fault.times {
            return Ok(());
        }
        state.failed += 1;
        Err(fault.error)
    }
}
