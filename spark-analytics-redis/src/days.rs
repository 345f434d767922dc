//! Reading roll-ups, cached day by day.

use spark_analytics_core::{Day, Result, Rollup, Store};

use crate::link::Purpose;
use crate::{RedisCached, value};

/// The longest range that is cached, in days: a quarter.
const MAX_RANGE: i64 = 92;

/// Whether a range of days is looked up in Redis.
pub(crate) fn are_cached(from: Day, to: Day) -> bool {
    (0..MAX_RANGE).contains(&(i64::from(to.number()) - i64::from(from.number())))
}

/// A day as looked up in Redis.
struct Held {
    day: Day,
    /// Permits filling the day; empty if it may not be filled.
    token: Vec<u8>,
    /// The roll-up if it is cached; `Some(None)` for a day without jobs.
    rollup: Option<Option<Rollup>>,
}

impl<S: Store> RedisCached<S> {
    /// The roll-ups of a short range, consistent with a single moment.
    pub(crate) async fn read_days(
        &self,
        from: Day,
        to: Day,
        user: Option<&str>,
    ) -> Result<Vec<(Day, Rollup)>> {
        let counters = &self.link.counters;
        let whose = user.map_or_else(|| "all".to_owned(), |user| format!("u{user}"));
        let Some((epoch, mut days)) = self.look_up(from, to, &whose).await else {
            counters.bypassed.add(1);
            return self.store.rollups(from, to, user).await;
        };
        let is_missing = |held: &Held| held.rollup.is_none();
        let missing = days.iter().position(is_missing).zip(days.iter().rposition(is_missing));
        let Some((first, last)) = missing else {
            counters.hits.add(1);
            return Ok(present(days));
        };

        counters.misses.add(1);
        let (read_from, read_to) = (days[first].day, days[last].day);
        let mut read = self.store.rollups(read_from, read_to, user).await?.into_iter().peekable();
        let mut fills = Vec::new();
        for held in &mut days[first..=last] {
            let rollup = read.next_if(|(day, _)| *day == held.day).map(|(_, rollup)| rollup);
            if held.rollup.is_none()
                && !held.token.is_empty()
                && let Some(value) = value::encode_rollup(rollup.as_ref())
            {
                fills.push((held.day.number().to_string(), held.token.clone(), value));
            }
            held.rollup = Some(rollup);
        }
        let others: Vec<&Held> = days[..first].iter().chain(&days[last + 1..]).collect();
        if self.fill(&epoch, &whose, &fills, &others).await {
            Ok(present(days))
        } else {
            // A job may have moved between a cached day and a day just read, so the two do not fit together.
            self.store.rollups(from, to, user).await
        }
    }

    async fn look_up(&self, from: Day, to: Day, whose: &str) -> Option<(Vec<u8>, Vec<Held>)> {
        let (first, last) = (from.number().to_string(), to.number().to_string());
        let args = [self.life_ms.as_bytes(), whose.as_bytes(), first.as_bytes(), last.as_bytes()];
        let found: Vec<Option<Vec<u8>>> =
            self.link.call(Purpose::Read, &self.scripts.look_up_days, &args).await?;
        let mut found = found.into_iter();
        let epoch = found.next()??;
        let days = (from.number()..=to.number()).map(|number| {
            let (token, value) = (found.next()??, found.next()?);
            let rollup = value.as_deref().and_then(value::decode_rollup);
            Some(Held { day: Day::from_number(number), token, rollup })
        });
        Some((epoch, days.collect::<Option<_>>()?))
    }

    /// Caches days that were read, and returns whether the other days are unchanged since they were looked up.
    async fn fill(
        &self,
        epoch: &[u8],
        whose: &str,
        fills: &[(String, Vec<u8>, Vec<u8>)],
        others: &[&Held],
    ) -> bool {
        if fills.is_empty() && others.is_empty() {
            return true;
        }
        let count = fills.len().to_string();
        let mut args = vec![epoch, whose.as_bytes(), count.as_bytes()];
        args.extend(fills.iter().flat_map(|(day, token, value)| [day.as_bytes(), token, value]));
        let other_days: Vec<String> =
            others.iter().map(|held| held.day.number().to_string()).collect();
        args.extend(
            other_days.iter().zip(others).flat_map(|(day, held)| [day.as_bytes(), &held.token]),
        );
        let filled: Option<(u64, bool)> =
            self.link.call(Purpose::Read, &self.scripts.fill_days, &args).await;
        self.link.counters.refused.add(filled.map_or(0, |(refused, _)| refused));
        filled.map_or(others.is_empty(), |(_, are_unchanged)| are_unchanged || others.is_empty())
    }
}

/// The days that have a roll-up.
fn present(days: Vec<Held>) -> Vec<(Day, Rollup)> {
    days.into_iter().filter_map(|held| Some((held.day, held.rollup??))).collect()
}
