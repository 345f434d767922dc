//! A future that several tasks wait for, each of which can drive it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Mutex, lock};

/// A future whose output all its clones return. It runs while any of them is polled, and is dropped with the last.
///
/// When it can continue, two of the tasks that wait are woken, in turns, and the first of them polls it: not all, since
/// most of a commit's wakes mean that a statement has ended, and not one, since a future that is neither polled nor
/// dropped must not stop the others. All are woken when it has ended.
pub(crate) struct Joint<T> {
    shared: Arc<Inner<T>>,
    /// The number of this clone among those that wait, once it has waited.
    number: Option<u64>,
}

/// A [`Joint`] that does not keep the future alive.
pub(crate) struct WeakJoint<T>(Weak<Inner<T>>);

struct Inner<T> {
    work: Mutex<Work<T>>,
    waiters: Arc<Waiters>,
}

enum Work<T> {
    Idle(Pin<Box<dyn Future<Output = T> + Send>>),
    /// Another task is polling it.
    Polled,
    Done(T),
    Panicked,
}

impl<T: Clone> Joint<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let tasks =
            Tasks { can_continue: true, next_number: 0, last_woken: 0, wakers: BTreeMap::new() };
        let waiters = Arc::new(Waiters(Mutex::new(tasks)));
        let shared = Arc::new(Inner { work: Mutex::new(Work::Idle(Box::pin(future))), waiters });
        Self { shared, number: None }
    }

    pub(crate) fn downgrade(&self) -> WeakJoint<T> {
        WeakJoint(Arc::downgrade(&self.shared))
    }
}

impl<T> WeakJoint<T> {
    /// `None` if nobody waits any more.
    pub(crate) fn upgrade(&self) -> Option<Joint<T>> {
        Some(Joint { shared: self.0.upgrade()?, number: None })
    }
}

impl<T> Clone for Joint<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), number: None }
    }
}

impl<T> fmt::Debug for WeakJoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakJoint").finish_non_exhaustive()
    }
}

impl<T: Clone> Future for Joint<T> {
    /// `None` if the future panicked.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = Arc::clone(&self.shared);
        let mut work = lock(&shared.work);
        match &*work {
            Work::Done(output) => return Poll::Ready(Some(output.clone())),
            Work::Panicked => return Poll::Ready(None),
            Work::Idle(_) | Work::Polled => {}
        }
        // While the lock is held, so that a task that polls the future now wakes this one afterwards.
        let can_continue = shared.waiters.add(&mut self.number, context.waker());
        let mut future = match std::mem::replace(&mut *work, Work::Polled) {
            Work::Idle(future) if can_continue => future,
            idle_or_polled => {
                *work = idle_or_polled;
                return Poll::Pending;
            }
        };
        drop(work);
        shared.waiters.begin();
        let waker = Waker::from(Arc::clone(&shared.waiters));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        let (work, output) = match polled {
            Ok(Poll::Pending) => (Work::Idle(future), None),
            Ok(Poll::Ready(output)) => (Work::Done(output.clone()), Some(Some(output))),
            Err(_) => (Work::Panicked, Some(None)),
        };
        *lock(&shared.work) = work;
        match output {
            None => {
                shared.waiters.pass_on();
                Poll::Pending
            }
            Some(output) => {
                shared.waiters.wake_all();
                Poll::Ready(output)
            }
        }
    }
}

impl<T> Drop for Joint<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.waiters.remove(number);
        }
    }
}

/// The tasks that wait, and the waker of the future. It does not hold the future, which holds its waker.
struct Waiters(Mutex<Tasks>);

struct Tasks {
    /// Whether the future was woken since it was last polled.
    can_continue: bool,
    next_number: u64,
    last_woken: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Tasks {
    /// The next task in turn.
    fn next(&mut self) -> Option<Waker> {
        let after = (Bound::Excluded(self.last_woken), Bound::Unbounded);
        let mut rest = self.wakers.range(after).chain(&self.wakers);
        let (number, waker) = rest.next()?;
        self.last_woken = *number;
        Some(waker.clone())
    }
}

impl Waiters {
    /// Adds or updates a task; returns whether it should poll the future.
    fn add(&self, number: &mut Option<u64>, waker: &Waker) -> bool {
        let mut tasks = lock(&self.0);
        let number = *number.get_or_insert_with(|| {
            tasks.next_number += 1;
            tasks.next_number
        });
        tasks.wakers.entry(number).or_insert_with(|| waker.clone()).clone_from(waker);
        tasks.can_continue
    }

    /// The future is polled from here on.
    fn begin(&self) {
        lock(&self.0).can_continue = false;
    }

    /// The future is not polled any more; it may have been woken meanwhile, when nobody could poll it.
    fn pass_on(&self) {
        self.wake_two(|tasks| tasks.can_continue);
    }

    fn remove(&self, number: u64) {
        self.wake_two(|tasks| {
            tasks.wakers.remove(&number);
            // This may have been the task that was woken.
            tasks.can_continue
        });
    }

    fn wake_two(&self, are_needed: impl FnOnce(&mut Tasks) -> bool) {
        let mut tasks = lock(&self.0);
        if !are_needed(&mut tasks) {
            return;
        }
        let first = tasks.next();
        let wakers = [first, tasks.next().filter(|_| tasks.wakers.len() > 1)];
        drop(tasks);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut lock(&self.0).wakers);
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_two(|tasks| {
            tasks.can_continue = true;
            true
        });
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::{pending, poll_fn, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often a task was woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A task that waits for a future.
    struct Task {
        wakes: Arc<Count>,
        joint: Joint<u8>,
    }

    impl Task {
        fn new(joint: &Joint<u8>) -> Self {
            Self { wakes: Arc::default(), joint: joint.clone() }
        }

        fn poll(&mut self) -> Poll<Option<u8>> {
            let waker = Waker::from(Arc::clone(&self.wakes));
            Pin::new(&mut self.joint).poll(&mut Context::from_waker(&waker))
        }

        fn wakes(&self) -> usize {
            self.wakes.0.swap(0, Ordering::SeqCst)
        }
    }

    /// A future of three steps, and the waker of the step it is at.
    fn three_steps() -> (Joint<u8>, Arc<std::sync::Mutex<Option<Waker>>>) {
        let step = Arc::<std::sync::Mutex<Option<Waker>>>::default();
        let (at, mut polls) = (Arc::clone(&step), 0);
        let future = poll_fn(move |context| {
            *at.lock().unwrap() = Some(context.waker().clone());
            polls += 1;
            if polls == 3 { Poll::Ready(7) } else { Poll::Pending }
        });
        (Joint::new(future), step)
    }

    fn wake(step: &std::sync::Mutex<Option<Waker>>) {
        let waker = step.lock().unwrap().clone().unwrap();
        waker.wake();
    }

    #[test]
    fn two_tasks_in_turns_are_woken_for_a_step_and_all_for_the_end() {
        let (joint, step) = three_steps();
        let mut tasks: Vec<Task> = (0..5).map(|_| Task::new(&joint)).collect();
        assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
        wake(&step);
        let woken: Vec<usize> = tasks.iter().map(Task::wakes).collect();
        assert_eq!(woken, [1, 1, 0, 0, 0]);
        // Neither of them is polled, which does not keep the others from it.
        assert_eq!(tasks[4].poll(), Poll::Pending);
        wake(&step);
        let woken: Vec<usize> = tasks.iter().map(Task::wakes).collect();
        assert_eq!(woken, [0, 0, 1, 1, 0]);
        assert_eq!(tasks[2].poll(), Poll::Ready(Some(7)));
        assert!(tasks.iter().all(|task| task.wakes() == 1));
        assert!(tasks.iter_mut().all(|task| task.poll() == Poll::Ready(Some(7))));
    }

    #[test]
    fn a_task_that_was_woken_and_is_dropped_wakes_others() {
        let (joint, step) = three_steps();
        let [mut a, mut b, mut c] = [(); 3].map(|()| Task::new(&joint));
        assert!([&mut a, &mut b, &mut c].into_iter().all(|task| task.poll().is_pending()));
        wake(&step);
        drop((a, b));
        assert!(c.wakes() > 0);
        assert_eq!(c.poll(), Poll::Pending);
        wake(&step);
        assert_eq!((c.wakes(), c.poll()), (1, Poll::Ready(Some(7))));
    }

    #[test]
    fn the_future_is_dropped_with_the_last_task() {
        let held = Arc::new(());
        let in_future = Arc::clone(&held);
        let joint = Joint::new(async move {
            pending::<()>().await;
            drop(in_future);
            0
        });
        let weak = joint.downgrade();
        let mut task = Task::new(&joint);
        drop(joint);
        assert_eq!((task.poll(), Arc::strong_count(&held)), (Poll::Pending, 2));
        drop(task);
        assert!(weak.upgrade().is_none());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn all_tasks_learn_of_a_panic() {
        let joint =
            Joint::new(async { if true { panic!("as it should") } else { ready(0).await } });
        let mut tasks = [(); 2].map(|()| Task::new(&joint));
        assert!(tasks.iter_mut().all(|task| task.poll() == Poll::Ready(None)));
    }
}
