//! `summary`: the totals of a day or of a range of days.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use serde::Serialize;
use spark_analytics_core::figures::TotalFigures;
use spark_analytics_core::{Day, Rollup};

use crate::exit::WrongUsage;
use crate::flags::{Shared, check_range, day};
use crate::output::view::DayView;
use crate::output::{Format, List, Out};
use crate::store::open;

/// Show the totals of the jobs that ended on a day or in a range of days
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics summary --from 2024-03-01 --to 2024-03-31")]
pub(crate) struct Summary {
    /// One UTC day instead of a range: YYYY-MM-DD, today, yesterday, or 7d for a week ago
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// The first UTC day; without any day, the last seven days that have jobs are shown
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// The last UTC day
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// Only this user's jobs
    #[arg(long)]
    user: Option<String>,
}

impl Summary {
    /// Drops a day from the environment if the command line names a range, and the reverse.
    pub(crate) fn prefer_command_line(&mut self, matches: &ArgMatches) {
        let is_typed = |flag| matches.value_source(flag) == Some(ValueSource::CommandLine);
        match (is_typed("date"), is_typed("from") || is_typed("to")) {
            (true, false) => (self.from, self.to) = (None, None),
            (false, true) => self.date = None,
            _ => {}
        }
    }

    /// The days to read; an end that is not given is the first or the last of all days.
    fn range(&self) -> Result<(Day, Day), WrongUsage> {
        match (self.date, self.from, self.to) {
            (Some(day), None, None) => Ok((day, day)),
            (None, from, to) => {
                check_range(from, to)?;
                Ok((from.unwrap_or(Day::MIN), to.unwrap_or(Day::MAX)))
            }
            (Some(_), ..) => Err(WrongUsage("--date cannot be used with --from or --to")),
        }
    }
}

/// How many days are shown if none are named.
const LAST_DAYS: usize = 7;

/// The JSON of a range.
#[derive(Debug, Serialize)]
struct RangeView<'a> {
    /// The end of the range that was given, or else the first day that has jobs.
    from: Option<String>,
    /// Likewise, or else the last day that has jobs.
    to: Option<String>,
    user: Option<&'a str>,
    #[serde(flatten)]
    totals: TotalFigures,
    days: Vec<DayView>,
}

pub(crate) async fn run(args: &Summary, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let (from, to) = args.range()?;
    let store = open::existing(shared).await?;
    let mut rollups = store.rollups(from, to, args.user.as_deref()).await?;
    if (args.date, args.from, args.to) == (None, None, None) {
        rollups.drain(..rollups.len().saturating_sub(LAST_DAYS));
    }
    let mut total = Rollup::default();
    for (_, rollup) in &rollups {
        total += rollup;
    }
    let mut days: Vec<_> = rollups.iter().map(|(day, rollup)| DayView::new(*day, rollup)).collect();
    let columns = DayView::columns(&total);
    if args.date.is_some() {
        // A day without jobs has figures too: zeros.
        out.record(columns, &DayView::new(from, &total))?;
    } else if out.format() == Format::Json {
        let day_of = |end: Option<&(Day, Rollup)>| end.map(|(day, _)| *day);
        let first = args.from.or_else(|| day_of(rollups.first()));
        let last = args.to.or_else(|| day_of(rollups.last()));
        let range = RangeView {
            from: first.map(|day| day.to_string()),
            to: last.map(|day| day.to_string()),
            user: args.user.as_deref(),
            totals: (&total).into(),
            days,
        };
        out.record(columns, &range)?;
    } else {
        if out.format() == Format::Table {
            days.push(DayView::total(&total));
        }
        let mut list = List::new(out, columns);
        list.page(&days)?;
        list.end()?;
    }
    Ok(store.close().await?)
}
