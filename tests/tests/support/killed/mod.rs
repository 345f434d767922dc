//! A writing process is killed with SIGKILL again and again, while it opens, writes, prunes or forgets. After each kill the store that
//! it has left is opened and compared; then the next process sends everything again.

mod left;
pub(crate) mod life;
mod stream;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use left::{Kept, check};
use life::Said;
use spark_analytics_core::Store;

use crate::support::again;
use crate::support::random::Random;
use stream::stream;

/// A kind of store in its own place, which is removed when this is dropped.
pub(crate) trait Storage: Sized {
    /// Whether everything acknowledged survives; otherwise a prefix of it does.
    const IS_DURABLE: bool = true;
    /// Whether a server may be killed along with the process.
    const HAS_SERVER: bool = false;
    const CALLERS: usize = 8;
    const INPUTS: usize = 90;
    /// A process is killed after fewer acknowledgements of new inputs than this.
    const MOST_NEW: usize = 20;
    const KILLS_A_PLACE: usize = 16;

    /// A new, empty place.
    async fn new() -> Self;

    /// The place, as passed to the process.
    fn place(&self) -> String;

    /// Opens or creates the store, as a process in its `life` does.
    async fn open(place: &str, life: u64) -> Arc<dyn Store>;

    /// What is there while no process has it open, in a copy or to be read only; `None` if nothing is.
    async fn left(&self) -> Option<Self>;

    /// Checks the storage with the engine itself.
    async fn check_integrity(&self);

    /// Ends the process.
    async fn kill(&self, process: &mut Child, _random: &mut Random) {
        process.kill().unwrap();
    }
}

/// The task of the process, passed in its environment.
#[derive(Debug)]
pub(crate) struct Orders {
    place: String,
    seed: u64,
    life: u64,
}

const PLACE: &str = "SPARK_ANALYTICS_TEST_PLACE";
const SEED: &str = "SPARK_ANALYTICS_TEST_SEED";
const LIFE: &str = "SPARK_ANALYTICS_TEST_LIFE";

impl Orders {
    fn from_env() -> Self {
        let text = |name| std::env::var(name).expect("run by the test that kills it");
        let number = |name| text(name).parse().unwrap();
        Self { place: text(PLACE), seed: number(SEED), life: number(LIFE) }
    }

    fn apply(&self, command: &mut Command) {
        let numbers = [(SEED, self.seed), (LIFE, self.life)];
        command.env(PLACE, &self.place).envs(numbers.map(|(name, n)| (name, n.to_string())));
    }
}

/// When a process is killed: this long after a report.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Opening(Duration),
    /// It has acknowledged this many new inputs.
    Writing(usize, Duration),
    Pruning(Duration),
    /// It prunes logs and forgets applications.
    Removing(Duration),
    Never,
}

#[derive(Debug, Default)]
struct Tally {
    opening: usize,
    writing: usize,
    pruning: usize,
    removing: usize,
    /// The process had ended before it was killed.
    too_late: usize,
    acknowledged: usize,
    events: usize,
    places: usize,
}

impl Tally {
    fn kills(&self) -> usize {
        self.opening + self.writing + self.pruning + self.removing
    }
}

/// Kills processes that run the test `life` as often as `SPARK_ANALYTICS_TEST_KILLS` says, 5 times by default.
pub(crate) async fn loses_nothing<S: Storage>(life: &str) {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse().unwrap());
    let kills = number("SPARK_ANALYTICS_TEST_KILLS").unwrap_or(5) as usize;
    let seed = number(SEED).unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0u8)
    });
    println!("{life}: {SEED}={seed}");
    let (mut random, begun, mut tally) = (Random::new(seed), Instant::now(), Tally::default());
    while tally.kills() < kills {
        let kills = S::KILLS_A_PLACE.min(kills - tally.kills());
        in_one_place::<S>(life, kills, &mut random, &mut tally).await;
    }
    println!(
        "{life}: {} kills ({} while it opened, {} while it wrote, {} while it pruned, {} while it removed; {} came too \
         late) in {} places, \
         {} acknowledgements of {} new events checked, {:.1?}",
        tally.kills(),
        tally.opening,
        tally.writing,
        tally.pruning,
        tally.removing,
        tally.too_late,
        tally.places,
        tally.acknowledged,
        tally.events,
        begun.elapsed()
    );
}

async fn in_one_place<S: Storage>(
    test: &str,
    kills: usize,
    random: &mut Random,
    tally: &mut Tally,
) {
    let (storage, seed) = (S::new().await, random.next());
    let inputs = stream(S::INPUTS, seed);
    let mut kept = Kept::default();
    let mut opens_in = Duration::from_millis(20);
    for killed in 0..=kills {
        let is_all_there = kept.inputs.len() == inputs.len();
        let moment = match random.below(16) {
            _ if killed == kills => Moment::Never,
            0..4 => Moment::Opening(shorter_than(random, opens_in * 5 / 4)),
            chance if chance == 4 || is_all_there && random.below(2) == 0 => {
                Moment::Pruning(shorter_than(random, Duration::from_millis(8)))
            }
            _ if is_all_there => Moment::Removing(shorter_than(random, Duration::from_millis(60))),
            _ => {
                let new = random.below(S::MOST_NEW.min(inputs.len() - kept.inputs.len()));
                Moment::Writing(new, shorter_than(random, Duration::from_millis(12)))
            }
        };
        let orders = Orders { place: storage.place(), seed, life: random.next() };
        let (said, was_killed) =
            live_until(&storage, test, &orders, moment, &kept, random, &mut opens_in).await;
        match moment {
            Moment::Never => assert_eq!(said.last(), Some(&Said::Done), "it failed by itself"),
            _ if !was_killed => tally.too_late += 1,
            Moment::Opening(_) => tally.opening += 1,
            Moment::Writing(..) => tally.writing += 1,
            Moment::Pruning(_) => tally.pruning += 1,
            Moment::Removing(_) => tally.removing += 1,
        }
        for said in &said {
            if let Said::Acknowledged(number) = said
                && !kept.inputs.contains(number)
            {
                tally.acknowledged += 1;
                if let stream::Input::Events(events) = &inputs[*number] {
                    tally.events += events.len();
                }
            }
        }
        let Some(left) = storage.left().await else {
            assert!(kept.inputs.is_empty() && !said.contains(&Said::Open), "all is gone");
            continue;
        };
        let store = S::open(&left.place(), 0).await;
        check::<S>(Arc::clone(&store), &inputs, &said, &mut kept).await;
        store.close().await.unwrap();
        drop(store);
        left.check_integrity().await;
    }
    assert_eq!(kept.inputs.len(), inputs.len(), "all was acknowledged at the end");
    storage.check_integrity().await;
    tally.places += 1;
}

fn shorter_than(random: &mut Random, bound: Duration) -> Duration {
    Duration::from_nanos(random.next() % (bound.as_nanos() as u64).max(1))
}

/// Runs a process until the given moment; returns its output, and whether it was killed or had finished.
async fn live_until<S: Storage>(
    storage: &S,
    test: &str,
    orders: &Orders,
    moment: Moment,
    kept: &Kept,
    random: &mut Random,
    opens_in: &mut Duration,
) -> (Vec<Said>, bool) {
    let mut command = again::command(test);
    orders.apply(&mut command);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let (mut new, mut opening, mut is_over) = (0, Instant::now(), false);
    for line in lines {
        let Some(word) = Said::read(&line.unwrap()) else { continue };
        said.push(word);
        match word {
            Said::Opening => opening = Instant::now(),
            Said::Open if !is_over => *opens_in = opening.elapsed(),
            Said::Acknowledged(number) => new += usize::from(!kept.inputs.contains(&number)),
            _ => {}
        }
        let is_now = match moment {
            Moment::Opening(_) => word == Said::Opening,
            Moment::Writing(acknowledged, _) => word != Said::Opening && new >= acknowledged,
            Moment::Pruning(_) => word == Said::Pruning,
            Moment::Removing(_) => word == Said::Removing,
            Moment::Never => false,
        };
        if let Moment::Opening(after)
        | Moment::Writing(_, after)
        | Moment::Pruning(after)
        | Moment::Removing(after) = moment
            && is_now
            && !is_over
        {
            is_over = true;
            std::thread::sleep(after);
            storage.kill(&mut process, random).await;
        }
    }
    let status = process.wait().unwrap();
    let was_killed = status.signal() == Some(9);
    // If its server is killed first, the process may fail before it is killed.
    let may_fail = is_over && S::HAS_SERVER;
    assert!(was_killed || may_fail || status.success(), "it ended by itself: {status}");
    (said, was_killed || may_fail)
}
