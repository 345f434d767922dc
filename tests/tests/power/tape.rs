//! A recording of what a program did to its files, and what a power loss at any moment could have left.
//!
//! Synced writes are present. Each write that was not synced may be present, present in part, or missing. An earlier write
//! never replaces a later one to the same position, because the page cache and the disk keep one content per position.
//! Names change in order, because file systems keep a journal of them; a sync of a file stores its name as well.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::support::random::Random;

/// The files of a folder by name.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// One recorded step. Files are numbered in the order in which they were created.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create {
        name: String,
        file: usize,
    },
    Remove {
        name: String,
    },
    SyncNames,
    Write {
        file: usize,
        at: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: usize,
        len: u64,
    },
    Sync {
        file: usize,
    },
    /// The operating system drops what it could not write and treats it as written.
    SyncFailed {
        file: usize,
    },
    /// This many batches have been acknowledged.
    Acknowledged(usize),
}

/// Everything that was done to the files of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// The files from before, which are durable.
    pub(crate) start: Image,
    pub(crate) steps: Vec<Step>,
}

/// Which of the unsynced writes a crash loses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    Everything,
    Nothing,
    /// Any of the writes, some in part.
    Some,
    /// Everything after some write, and a part of that write.
    Tail,
}

/// What a crash after the steps so far can leave.
pub(crate) struct Replay<'t> {
    tape: &'t Tape,
    done: usize,
    files: Vec<File<'t>>,
    names: BTreeMap<String, usize>,
    unsynced_names: Vec<&'t Step>,
    /// Batches acknowledged so far.
    pub(crate) acknowledged: usize,
}

#[derive(Default)]
struct File<'t> {
    synced: Vec<u8>,
    unsynced: Vec<&'t Step>,
}

impl<'t> Replay<'t> {
    pub(crate) fn new(tape: &'t Tape) -> Self {
        let synced = |content: &Vec<u8>| File { synced: content.clone(), unsynced: Vec::new() };
        Self {
            tape,
            done: 0,
            files: tape.start.values().map(synced).collect(),
            names: tape.start.keys().cloned().zip(0..).collect(),
            unsynced_names: Vec::new(),
            acknowledged: 0,
        }
    }

    /// Replays until this many steps are done.
    pub(crate) fn go_to(&mut self, end: usize) {
        for step in &self.tape.steps[self.done..end] {
            self.take(step);
        }
        self.done = self.done.max(end);
    }

    fn take(&mut self, step: &'t Step) {
        match step {
            Step::Create { file, .. } => {
                assert_eq!(*file, self.files.len(), "files are numbered in order");
                self.files.push(File::default());
                self.unsynced_names.push(step);
            }
            Step::Remove { .. } => self.unsynced_names.push(step),
            Step::SyncNames => self.sync_names(self.unsynced_names.len()),
            Step::Write { file, .. } | Step::SetLen { file, .. } => {
                self.files[*file].unsynced.push(step);
            }
            Step::Sync { file } => {
                let File { synced, unsynced } = &mut self.files[*file];
                unsynced.drain(..).for_each(|step| apply(synced, step));
                let is_own =
                    |step: &&Step| matches!(step, Step::Create { file: of, .. } if of == file);
                if let Some(at) = self.unsynced_names.iter().position(is_own) {
                    self.sync_names(at + 1);
                }
            }
            Step::SyncFailed { file } => self.files[*file].unsynced.clear(),
            Step::Acknowledged(batches) => self.acknowledged = *batches,
        }
    }

    fn sync_names(&mut self, count: usize) {
        for step in self.unsynced_names.drain(..count) {
            apply_name(&mut self.names, step);
        }
    }

    /// The files as a crash at this point may leave them.
    pub(crate) fn image(&self, loss: Loss, random: &mut Random) -> Image {
        let mut names = self.names.clone();
        let kept_names = match loss {
            Loss::Everything => 0,
            Loss::Nothing => self.unsynced_names.len(),
            Loss::Some | Loss::Tail => random.below(self.unsynced_names.len() + 1),
        };
        self.unsynced_names[..kept_names].iter().for_each(|step| apply_name(&mut names, step));
        let left = |(name, file): (String, usize)| (name, self.files[file].left(loss, random));
        names.into_iter().map(left).collect()
    }
}

impl File<'_> {
    fn left(&self, loss: Loss, random: &mut Random) -> Vec<u8> {
        let mut content = self.synced.clone();
        let kept_percent = [10, 50, 90][random.below(3)];
        let tail = random.below(self.unsynced.len() + 1);
        for (at, step) in self.unsynced.iter().enumerate() {
            match loss {
                Loss::Everything => return content,
                Loss::Nothing => apply(&mut content, step),
                Loss::Some if random.below(100) >= kept_percent => {}
                Loss::Some if random.below(4) == 0 => apply_torn(&mut content, step, random),
                Loss::Tail if at == tail => {
                    apply_torn(&mut content, step, random);
                    return content;
                }
                Loss::Some | Loss::Tail => apply(&mut content, step),
            }
        }
        content
    }
}

fn apply(content: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write { at, bytes, .. } => write(content, *at, bytes),
        Step::SetLen { len, .. } => content.resize(*len as usize, 0),
        _ => unreachable!("only content waits for the sync of a file"),
    }
}

pub(crate) fn write(content: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let range = at as usize..at as usize + bytes.len();
    if content.len() < range.end {
        content.resize(range.end, 0);
    }
    content[range].copy_from_slice(bytes);
}

/// A part of a write: its beginning, its end, or some of its sectors. A length is set or not.
fn apply_torn(content: &mut Vec<u8>, step: &Step, random: &mut Random) {
    const SECTOR: usize = 512;
    let Step::Write { at, bytes, .. } = step else {
        if random.below(2) == 0 {
            apply(content, step);
        }
        return;
    };
    let mut put = |part: Range<usize>| write(content, at + part.start as u64, &bytes[part]);
    let cut = random.below(bytes.len() + 1);
    let cut = if random.below(2) == 0 { cut } else { cut - cut % SECTOR };
    match random.below(3) {
        0 => put(0..cut),
        1 => put(cut..bytes.len()),
        _ => {
            // Sectors of the file; the write may begin within one.
            let first = (SECTOR - *at as usize % SECTOR).min(bytes.len());
            let starts = std::iter::once(0).chain((first..bytes.len()).step_by(SECTOR));
            let ends = (first..bytes.len()).step_by(SECTOR).chain(std::iter::once(bytes.len()));
            starts.zip(ends).filter(|_| random.below(2) == 0).for_each(|(from, to)| put(from..to));
        }
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, step: &Step) {
    match step {
        Step::Create { name, file } => {
            names.insert(name.clone(), *file);
        }
        Step::Remove { name } => {
            names.remove(name);
        }
        _ => unreachable!("only names wait for the sync of a folder"),
    }
}
