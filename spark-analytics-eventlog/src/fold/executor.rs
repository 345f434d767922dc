//! Executors, while a log is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::Executor;

use crate::fold::tally::ExecutorTally;
use crate::fold::text::{Texts, key};
use crate::wire::event::{BlockManagerAdded, ExecutorAdded, ExecutorInfo, ExecutorRemoved};
use crate::wire::lenient::StageKey;
use crate::wire::metrics::Peaks;

/// The id of the driver, which Spark counts as an executor.
pub(crate) const DRIVER: &str = "driver";

#[derive(Clone, Debug, Default)]
pub(crate) struct Executors {
    pub(crate) live: HashMap<String, LiveExecutor>,
    removed: HashMap<String, LiveExecutor>,
    /// The removed executors that a live stage attempt may have run on, by the time of their removal: their peaks may
    /// still arrive.
    awaited: BTreeSet<(Timestamp, String)>,
    /// Executors excluded for single live stage attempts.
    pub(crate) excluded: BTreeMap<StageKey, BTreeSet<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct LiveExecutor {
    pub(crate) fact: Executor,
    pub(crate) peaks: Peaks,
    has_block_manager: bool,
}

impl LiveExecutor {
    fn set_info(&mut self, info: ExecutorInfo<'_>, cpus_per_task: i64, texts: &mut Texts) {
        if !self.has_block_manager {
            self.fact.host_port = texts.text(&info.host.0);
        }
        self.fact.is_active = true;
        self.fact.total_cores = info.total_cores;
        self.fact.max_tasks = info.total_cores.checked_div(cpus_per_task).unwrap_or(0);
        self.fact.resource_profile_id = info.resource_profile_id;
        self.fact.executor_logs = texts.named(&info.log_urls);
        self.fact.attributes = texts.named(&info.attributes);
        let resources = info.resources.into_iter();
        self.fact.resources = resources
            .map(|(name, resource)| {
                let addresses = resource.addresses.iter().map(|address| texts.text(address));
                let addresses = addresses.collect();
                (texts.text(&name), addresses)
            })
            .collect();
    }

    pub(crate) fn host(&self) -> &str {
        let host_port = self.fact.host_port.as_str();
        match host_port.rsplit_once(':') {
            Some((host, _)) if self.has_block_manager => host,
            _ => host_port,
        }
    }

    fn into_fact(self) -> Executor {
        let mut fact = self.fact;
        fact.peak_memory_metrics = self.peaks.named();
        fact
    }
}

impl Executors {
    pub(crate) fn get(&mut self, id: &str) -> Option<&mut LiveExecutor> {
        self.live.get_mut(key(id).as_ref())
    }

    /// A live executor, or a removed one whose peaks are awaited.
    pub(crate) fn get_for_peaks(&mut self, id: &str) -> Option<&mut LiveExecutor> {
        let id = key(id);
        if let Some(live) = self.live.get_mut(id.as_ref()) {
            return Some(live);
        }
        let removed = self.removed.get_mut(id.as_ref())?;
        let time = removed.fact.remove_time?;
        self.awaited.contains(&(time, id.into_owned())).then_some(removed)
    }

    pub(crate) fn add(&mut self, event: ExecutorAdded<'_>, cpus_per_task: i64, texts: &mut Texts) {
        let executor = self.get_or_create(&texts.key(&event.id.0), event.time);
        executor.set_info(event.info, cpus_per_task, texts);
    }

    pub(crate) fn add_block_manager(&mut self, event: &BlockManagerAdded<'_>, texts: &mut Texts) {
        let executor = self.get_or_create(&texts.key(&event.id.executor_id.0), event.time);
        executor.has_block_manager = true;
        executor.fact.host_port = format!("{}:{}", texts.text(&event.id.host.0), event.id.port);
        executor.fact.is_active = true;
        executor.fact.max_memory = event.max_memory;
        if event.max_on_heap.is_some() {
            executor.fact.total_on_heap_storage_memory = event.max_on_heap;
            executor.fact.total_off_heap_storage_memory = event.max_off_heap;
        }
    }

    /// Removes an executor. `earliest_submission` is that of all live stage attempts.
    pub(crate) fn remove(
        &mut self,
        event: &ExecutorRemoved<'_>,
        earliest_submission: Option<Timestamp>,
        texts: &mut Texts,
    ) {
        let id = key(&event.id.0).into_owned();
        let Some(mut executor) = self.live.remove(&id) else { return };
        let time = Timestamp::from_millis(event.time);
        executor.fact.events += 1;
        executor.fact.ended = true;
        executor.fact.is_active = false;
        executor.fact.remove_time = Some(time);
        executor.fact.remove_reason = texts.optional(event.reason.as_ref());
        if earliest_submission.is_some_and(|earliest| earliest < time) {
            self.awaited.insert((time, id.clone()));
        }
        let before = self.removed.insert(id.clone(), executor);
        if let Some(before) = before.and_then(|before| before.fact.remove_time)
            && before != time
        {
            self.awaited.remove(&(before, id));
        }
    }

    /// Stops awaiting peaks of executors that were removed before all live stage attempts began.
    pub(crate) fn settle(&mut self, earliest_submission: Option<Timestamp>) {
        while let Some((time, _)) = self.awaited.first()
            && earliest_submission.is_none_or(|earliest| *time <= earliest)
        {
            self.awaited.pop_first();
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.live.len() + self.removed.len()
    }

    /// Sets the driver's logs and attributes from the start of the application.
    pub(crate) fn describe_driver(
        &mut self,
        logs: &BTreeMap<String, String>,
        attributes: Option<&BTreeMap<String, String>>,
        texts: &mut Texts,
    ) {
        if let Some(driver) = self.live.get_mut(DRIVER) {
            driver.fact.events += 1;
            driver.fact.executor_logs = texts.named(logs);
            driver.fact.attributes = attributes.map(|of| texts.named(of)).unwrap_or_default();
        }
    }

    /// Adds tasks to the executor that they ran on.
    pub(crate) fn add_tasks(&mut self, tasks: &ExecutorTally<'_>) {
        let Some(executor) = self.get(&tasks.id) else { return };
        let fact = &mut executor.fact;
        fact.events += tasks.events;
        fact.active_tasks += tasks.active;
        fact.total_tasks += tasks.started;
        fact.completed_tasks += tasks.completed;
        fact.failed_tasks += tasks.failed;
        let add = |sum: &mut i64, value: i64| *sum = sum.wrapping_add(value);
        add(&mut fact.total_duration_ms, tasks.duration);
        add(&mut fact.total_gc_time_ms, tasks.gc_time);
        add(&mut fact.total_input_bytes, tasks.input_bytes);
        add(&mut fact.total_shuffle_read, tasks.shuffle_read);
        add(&mut fact.total_shuffle_write, tasks.shuffle_write);
        executor.peaks.raise(&tasks.peaks);
    }

    /// The current facts of all executors. An executor that was removed and added again counts as added again.
    pub(crate) fn into_facts(self, is_application_ended: bool) -> Vec<Executor> {
        let mut executors: BTreeMap<String, LiveExecutor> = self.removed.into_iter().collect();
        executors.extend(self.live);
        let facts = executors.into_values().map(LiveExecutor::into_fact);
        let with_end = |mut fact: Executor| {
            fact.ended |= is_application_ended;
            fact
        };
        facts.map(with_end).collect()
    }

    pub(crate) fn facts_mut(&mut self) -> impl Iterator<Item = &mut Executor> {
        self.live.values_mut().chain(self.removed.values_mut()).map(|executor| &mut executor.fact)
    }

    fn get_or_create(&mut self, id: &str, add_time: i64) -> &mut LiveExecutor {
        let id = key(id);
        let removed = self.removed.get(id.as_ref()).map(|executor| &executor.fact);
        let (ended, events) = removed.map(|fact| (fact.ended, fact.events)).unwrap_or_default();
        let executor = self.live.entry(id.clone().into_owned()).or_insert_with(|| {
            let mut fact = Executor::default();
            fact.id = id.into_owned();
            fact.ended = ended;
            fact.events = events;
            fact.add_time = Some(Timestamp::from_millis(add_time));
            fact.is_active = true;
            LiveExecutor { fact, peaks: Peaks::UNREPORTED, has_block_manager: false }
        });
        executor.fact.events += 1;
        executor
    }
}
