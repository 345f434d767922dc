//! `summary`: the totals of a day or of a range of days.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use serde::Serialize;
use spark_analytics_core::figures::TotalFigures;
use spark_analytics_core::{Day, Rollup};

use crate::exit::WrongUsage;
use crate::flags::{Shared, check_range};
use crate::output::view::DayView;
use crate::output::{Format, List, Out};
use crate::store::open;

/// Show the totals of the jobs that ended on a day or in a range of days
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics summary --from 2024-03-01 --to 2024-03-31")]
pub(crate) struct Summary {
    /// One UTC day instead of a range, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    date: Option<Day>,
    /// The first UTC day
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// The last UTC day
    #[arg(long, value_name = "DAY")]
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

    fn range(&self) -> Result<(Day, Day), WrongUsage> {
        match (self.date, self.from, self.to) {
            (Some(day), None, None) => Ok((day, day)),
            (None, Some(from), Some(to)) => check_range(Some(from), Some(to)).map(|()| (from, to)),
            (None, None, None) => {
                Err(WrongUsage("--date <DAY> is missing, or --from <DAY> and --to <DAY>"))
            }
            (None, Some(_), None) => Err(WrongUsage("--to <DAY> is missing: --from needs it")),
            (None, None, Some(_)) => Err(WrongUsage("--from <DAY> is missing: --to needs it")),
            (Some(_), ..) => Err(WrongUsage("--date cannot be used with --from or --to")),
        }
    }
}

/// The JSON of a range.
#[derive(Debug, Serialize)]
struct RangeView<'a> {
    from: String,
    to: String,
    user: Option<&'a str>,
    #[serde(flatten)]
    totals: TotalFigures,
    days: Vec<DayView>,
}

pub(crate) async fn run(args: &Summary, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let (from, to) = args.range()?;
    let store = open::existing(shared).await?;
    let rollups = store.rollups(from, to, args.user.as_deref()).await?;
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
        let (from, to, user) = (from.to_string(), to.to_string(), args.user.as_deref());
        out.record(columns, &RangeView { from, to, user, totals: (&total).into(), days })?;
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
