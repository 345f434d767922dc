//! A disk that remembers what was done to it, and fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::tape::{Image, Step, Tape};

/// What can fail.
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

/// Storage full, as the operating system numbers it.
pub(crate) const NO_SPACE: i32 = 28;
/// An error of the device.
pub(crate) const IO_ERROR: i32 = 5;

#[derive(Debug)]
pub(crate) struct Disk(Mutex<State>);

#[derive(Debug)]
struct State {
    tape: Tape,
    names: BTreeMap<String, usize>,
    files: usize,
    fault: Option<Fault>,
    /// Accesses of the kind that is to fail, and how many did.
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

    /// Notes that a file is opened that may be new; its number.
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

    /// What was done so far, which is forgotten.
    pub(crate) fn take_tape(&self) -> Tape {
        let state = &mut *self.0.lock().unwrap();
        Tape { start: state.tape.start.clone(), steps: std::mem::take(&mut state.tape.steps) }
    }

    /// What is to fail from now on, in place of what was.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        let state = &mut *self.0.lock().unwrap();
        (state.fault, state.seen, state.failed) = (fault, 0, 0);
    }

    /// How many accesses have failed since the fault was set.
    pub(crate) fn failed(&self) -> usize {
        self.0.lock().unwrap().failed
    }

    /// Whether an access works now; else the number of the error.
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
