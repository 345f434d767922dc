//! `summary`: what the jobs of a day, or of a range of days, come to.

use clap::Args;
use serde::Serialize;
use spark_analytics_core::{Day, Rollup};
use spark_analytics_http::figures::TotalFigures;

use crate::args::{Shared, check_range};
use crate::output::{Format, List, Out};
use crate::store;
use crate::view::DayView;

/// Sum up the jobs that ended on a day, or on the days of a range
#[derive(Debug, Args)]
#[command(after_help = "Example: cli summary --from 2024-03-01 --to 2024-03-31")]
pub(crate) struct Summary {
    /// The UTC day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "to"],
          required_unless_present_all = ["from", "to"])]
    date: Option<Day>,
    /// The first UTC day
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Day>,
    /// The last UTC day
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Day>,
    /// Only this user's jobs
    #[arg(long)]
    user: Option<String>,
}

/// A range as JSON tells it.
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
    check_range(args.from, args.to)?;
    let store = store::open(shared).await?;
    let from = args.date.or(args.from).unwrap_or(Day::MIN);
    let to = args.date.or(args.to).unwrap_or(Day::MAX);
    let rollups = store.rollups(from, to, args.user.as_deref()).await?;
    let mut total = Rollup::default();
    for (_, rollup) in &rollups {
        total += rollup;
    }
    let mut days: Vec<_> = rollups.iter().map(|(day, rollup)| DayView::new(*day, rollup)).collect();
    if args.date.is_some() {
        // A day without jobs has figures too: zeros.
        out.record(DayView::COLUMNS, &DayView::new(from, &total))?;
    } else if out.format() == Format::Json {
        let (from, to, user) = (from.to_string(), to.to_string(), args.user.as_deref());
        out.record(DayView::COLUMNS, &RangeView { from, to, user, totals: (&total).into(), days })?;
    } else {
        if out.format() == Format::Table {
            days.push(DayView::total(&total));
        }
        let mut list = List::new(out, DayView::COLUMNS);
        list.page(&days)?;
        list.end()?;
    }
    Ok(store.close().await?)
}
