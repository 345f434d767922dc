//! Reads blocks one after another, parses them in parallel, and adds them up in the order of the log.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::read::blocks::{Block, Blocks};
use crate::read::parse::parse;
use crate::read::state::{LogState, Refused};

/// Number of blocks read before other threads start, so that a small log needs no thread.
const BLOCKS_ALONE: usize = 4;
/// More threads would wait for each other.
const MAX_THREADS: usize = 8;

/// Why reading stopped early.
#[derive(Debug)]
pub(crate) enum Stop {
    Io(io::Error),
    Refused(Refused),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refused> for Stop {
    fn from(why: Refused) -> Self {
        Self::Refused(why)
    }
}

/// Reads all whole lines that there are now. What was read before an error is added.
pub(crate) fn read_on<R: Read + Send>(
    blocks: &mut Blocks<R>,
    reading: &mut LogState,
) -> Result<(), Stop> {
    let mut block = Block::default();
    for _ in 0..BLOCKS_ALONE {
        if !blocks.fill(&mut block)? {
            return Ok(());
        }
        reading.add(&block, parse(block.lines()))?;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let work = Work {
        input: Mutex::new(Input { blocks, next: 0, stop: None, is_over: false }),
        turn: Mutex::new(Turn { reading, next: Some(0) }),
        moved: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work.run(Block::default()));
        }
        work.run(block);
    });
    let input = work.input.into_inner().unwrap_or_else(PoisonError::into_inner);
    input.stop.map_or(Ok(()), Err)
}

/// State shared by the threads. Each reads the next block, parses it, waits for its turn, and adds it.
struct Work<'a, R> {
    input: Mutex<Input<'a, R>>,
    turn: Mutex<Turn<'a>>,
    moved: Condvar,
}

struct Input<'a, R> {
    blocks: &'a mut Blocks<R>,
    /// The number of the next block.
    next: u64,
    stop: Option<Stop>,
    is_over: bool,
}

struct Turn<'a> {
    reading: &'a mut LogState,
    /// The number of the next block to add; `None` after a thread panicked.
    next: Option<u64>,
}

impl<R: Read + Send> Work<'_, R> {
    fn run(&self, mut block: Block) {
        let _freeing = FreeOthers(self);
        while let Some(number) = self.fill(&mut block) {
            let parsed = parse(block.lines());
            let mut turn = lock(&self.turn);
            while turn.next.is_some_and(|next| next != number) {
                turn = self.moved.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
            if turn.next.is_none() {
                return;
            }
            let added = turn.reading.add(&block, parsed);
            turn.next = Some(number + 1);
            drop(turn);
            self.moved.notify_all();
            if let Err(stop) = added {
                self.end(Some(stop.into()));
            }
        }
    }

    /// Reads the next block and returns its number.
    fn fill(&self, block: &mut Block) -> Option<u64> {
        let mut input = lock(&self.input);
        if input.is_over {
            return None;
        }
        match input.blocks.fill(block) {
            Ok(true) => {
                input.next += 1;
                Some(input.next - 1)
            }
            Ok(false) => {
                input.is_over = true;
                None
            }
            Err(error) => {
                input.is_over = true;
                input.stop.get_or_insert(error.into());
                None
            }
        }
    }

    fn end(&self, stop: Option<Stop>) {
        let mut input = lock(&self.input);
        input.is_over = true;
        if input.stop.is_none() {
            input.stop = stop;
        }
    }
}

/// Wakes the other threads if this one panics, so that none waits for its turn.
struct FreeOthers<'a, 'w, R: Read + Send>(&'a Work<'w, R>);

impl<R: Read + Send> Drop for FreeOthers<'_, '_, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(None);
            lock(&self.0.turn).next = None;
            self.0.moved.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::locate::FoundLog;
    use crate::log_file::LogFile;

    fn lines_of(case: &str) -> Vec<String> {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut files = fs::read_dir(cases.join(case).join("log")).unwrap();
        let text = fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// In blocks of many lines, on all cores.
    fn read(lines: &[String]) -> LogFile {
        let text = lines.join("\n") + "\n";
        let mut blocks = Blocks::starting_at(0, text.as_bytes());
        let mut reading = LogState::default();
        read_on(&mut blocks, &mut reading).unwrap();
        reading.into_log_file(&FoundLog::named("local-1"), blocks.bytes()).unwrap()
    }

    /// Line by line.
    fn read_slowly(lines: &[String]) -> LogFile {
        let mut reading = LogState::default();
        let mut bytes = 0;
        for line in lines {
            let line = format!("{line}\n");
            let mut blocks = Blocks::starting_at(bytes, line.as_bytes());
            let mut block = Block::default();
            assert!(blocks.fill(&mut block).unwrap());
            reading.add(&block, parse(block.lines())).unwrap();
            bytes = blocks.bytes();
        }
        reading.into_log_file(&FoundLog::named("local-1"), bytes).unwrap()
    }

    fn assert_same(lines: &[String]) {
        let (fast, slow) = (read(lines), read_slowly(lines));
        assert_eq!(fast.snapshot, slow.snapshot);
        assert_eq!(fast.warnings, slow.warnings);
        assert_eq!((fast.bytes, fast.lines), (slow.bytes, slow.lines));
    }

    #[test]
    fn blocks_of_lines_give_the_same_facts_as_single_lines() {
        for case in ["spec-3.5", "failures-3.5", "concurrent-3.5"] {
            assert_same(&lines_of(case));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Tasks end before they start, after their stage, twice, never.
        #[test]
        fn blocks_equal_single_lines_even_if_shuffled_lost_or_repeated(
            case in prop::sample::select(vec!["spec-3.5", "failures-3.5", "concurrent-3.5"]),
            moves in prop::collection::vec(any::<(prop::sample::Index, i8, u8)>(), 0..200),
        ) {
            let mut lines = lines_of(case);
            // The application's start stays where it is.
            let first = lines.iter().position(|line| line.contains("ApplicationStart")).unwrap() + 1;
            for (at, by, what) in moves {
                let at = first + at.index(lines.len() - first);
                match what % 4 {
                    0 => drop(lines.remove(at)),
                    1 => lines.insert(at, lines[at].clone()),
                    2 => {
                        let half = lines[at].len() / 2;
                        lines[at].truncate(half);
                    }
                    _ => {
                        let to = at.saturating_add_signed(by.into()).clamp(first, lines.len() - 1);
                        let line = lines.remove(at);
                        lines.insert(to, line);
                    }
                }
            }
            assert_same(&lines);
        }
    }
}
